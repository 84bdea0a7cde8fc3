// Questions to the server: JSON in, JSON out, an answer within five seconds or an error that says so in words.
const ANSWER_MS_MAX = 5000;

/** What the server said against it, in words for a person; `status` is HTTP's. */
export class Refused extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

/** The words of any error of `get` and `post`. */
export function wordsOf(error) {
  return error instanceof Refused ? error.message : "The server does not answer.";
}

async function ask(path, options) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_MS_MAX), ...options });
  const kind = answer.headers.get("content-type") ?? "";
  const body = kind.includes("json") ? await answer.json() : await answer.text();
  if (!answer.ok) throw new Refused(body.detail ?? `The server answered ${answer.status}.`, answer.status);
  return body;
}

/** The answer to a question; text where it is not JSON. */
export function get(path) {
  return ask(path);
}

/** Tell the server something. */
export function post(path, body = {}) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}
