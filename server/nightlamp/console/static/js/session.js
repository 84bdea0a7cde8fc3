// Sign in, who am I, sign out. The session itself is an HttpOnly cookie that no script can read.
// Signing out fails closed: from the first moment this browser enters with a token only, and the server is told until it has
// answered. What changes the session goes one after the other: the answer to an old sign-out must not undo a new sign-in.
const PATH = "/v1/console/session";
const ANSWER_MS_MAX = 3000;
/** The server checks a key and writes to its disk. */
const SIGN_IN_MS_MAX = 15_000;
const AGAIN_MS = 2000;
const ENDING = "nightlamp.ending";
const SIGNED_IN = "nightlamp.signed-in";

let turn = Promise.resolve();
let telling = false;

function inTurn(ask) {
  const asked = turn.then(ask);
  turn = asked.catch(() => {});
  return asked;
}

/** The one-time token of the address, which is taken out of the address at once; null without one. */
export function tokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) history.replaceState(null, "", location.pathname);
  return token;
}

/** Exchange a one-time token, or a key of one's own, for a session; the server ends the one there was. */
export function signIn(token) {
  return inTurn(async () => {
    const answer = await fetch(PATH, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
      signal: AbortSignal.timeout(SIGN_IN_MS_MAX),
    });
    if (answer.status >= 500) throw new Error(`the server answered ${answer.status}`);
    if (answer.ok) {
      localStorage.removeItem(ENDING);
      localStorage.setItem(SIGNED_IN, `${Date.now()} ${Math.random()}`);
    }
    return answer.ok;
  });
}

/** Whose session this is: {id, role, permissions, units, idle_lock_s}, null when nobody's. Throws when the server is out of reach.
    Who signs in in another tab ends the session there was: a null from before that is no answer, and is asked for again. */
export async function whoAmI(answerMsMax = ANSWER_MS_MAX) {
  const signedIn = localStorage.getItem(SIGNED_IN);
  const answer = await fetch(PATH, { signal: AbortSignal.timeout(answerMsMax) });
  if (answer.status === 401 || answer.status === 403) return signedIn === localStorage.getItem(SIGNED_IN) ? null : whoAmI(answerMsMax);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

/** Calls `look` where the session may be another's than before: somebody has signed in in another tab, or this one comes into sight (the
    timers of a hidden one are slow). Returns what ends that. */
export function whenSessionMayDiffer(look) {
  const stored = (event) => event.key === SIGNED_IN && look();
  const seen = () => !document.hidden && look();
  addEventListener("storage", stored);
  document.addEventListener("visibilitychange", seen);
  return () => {
    removeEventListener("storage", stored);
    document.removeEventListener("visibilitychange", seen);
  };
}

/** Somebody uses this session: the server ends one that nobody does. */
export async function tellUse() {
  const answer = await fetch(`${PATH}/seen`, { method: "POST", signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  if (answer.status >= 500) throw new Error(`the server answered ${answer.status}`);
}

/** Whether somebody has signed out or locked in this browser, in any tab, and nobody has signed in since. */
export function isEnding() {
  return localStorage.getItem(ENDING) !== null;
}

/** End the session. Returns at once; the server is told until it has answered, by the next page too. */
export function signOut() {
  localStorage.setItem(ENDING, "");
  if (!telling) tellEnd();
}

async function tellEnd() {
  telling = true;
  while (isEnding()) {
    await inTurn(endOnce).catch(() => {});
    if (isEnding()) await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
  telling = false;
}

async function endOnce() {
  if (!isEnding()) return;
  const answer = await fetch(PATH, { method: "DELETE", keepalive: true, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  // 401: it is over already.
  if (answer.status === 204 || answer.status === 401) localStorage.removeItem(ENDING);
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
