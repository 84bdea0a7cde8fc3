// Sign in, who am I, sign out. The session itself is an HttpOnly cookie that no script can read.
const PATH = "/v1/console/session";
const ANSWER_MS_MAX = 3000;

/** The one-time token of the address, which is taken out of the address at once; null without one. */
export function tokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) history.replaceState(null, "", location.pathname);
  return token;
}

/** Exchange a one-time token for a session. */
export async function signIn(token) {
  const answer = await fetch(PATH, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  return answer.ok;
}

/** Whose session this is: an object with role and units, null when nobody's. Throws when the server is out of reach. */
export async function whoAmI() {
  const answer = await fetch(PATH, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  if (answer.status === 401 || answer.status === 403) return null;
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

/** End the session. */
export async function signOut() {
  await fetch(PATH, { method: "DELETE" });
}
