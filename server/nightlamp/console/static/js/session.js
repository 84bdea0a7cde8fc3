// Sign in, who am I, sign out. The session itself is an HttpOnly cookie that no script can read.
const PATH = "/v1/console/session";
const ANSWER_MS_MAX = 3000;

/** The one-time token of the address, which is taken out of the address at once; null without one. */
export function tokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) history.replaceState(null, "", location.pathname);
  return token;
}

/** Exchange a one-time token, or a key of one's own, for a session. */
export async function signIn(token) {
  const answer = await fetch(PATH, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (answer.status >= 500) throw new Error(`the server answered ${answer.status}`);
  return answer.ok;
}

/** Whose session this is: {id, role, permissions, units, idle_lock_s}, null when nobody's. Throws when the server is out of reach. */
export async function whoAmI(answerMsMax = ANSWER_MS_MAX) {
  const answer = await fetch(PATH, { signal: AbortSignal.timeout(answerMsMax) });
  if (answer.status === 401 || answer.status === 403) return null;
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

/** End the session. */
export async function signOut() {
  await fetch(PATH, { method: "DELETE" });
}

/** Whether two people see and may do the same, so that what one has on the screen is the other's too. */
export function sameSight(a, b) {
  return a.id === b.id && a.role === b.role && JSON.stringify(a.units) === JSON.stringify(b.units);
}

const ROLES = {
  nurse: "Nurse", physician: "Physician", charge_nurse: "Charge nurse", data_scientist: "Data scientist",
  sre: "SRE", admin: "Administrator",
};

export const roleTitle = (role) => ROLES[role] ?? role;
