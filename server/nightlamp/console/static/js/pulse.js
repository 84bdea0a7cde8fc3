// Whether the server lives, for who may not see the ward and so has no stream: asked every second, silence told like there.
import { serverNow } from "./clock.js";
import { whoAmI } from "./session.js";

const ASK_EVERY_MS = 1000;
const ANSWER_MS_MAX = 1500;

export class Pulse {
  /** onState as of Stream; mayEnter(session), of whose session it is now: false ends it. */
  constructor({ onState, mayEnter }) {
    Object.assign(this, { onState, mayEnter });
    this.heardMs = null;
    this.stopped = false;
  }

  start() {
    this.ask();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.next);
  }

  async ask() {
    let live = true;
    try {
      const session = await whoAmI(ANSWER_MS_MAX);
      if (!this.stopped && !(await this.mayEnter(session))) this.stop();
      this.heardMs = serverNow();
    } catch {
      live = false;
    }
    if (this.stopped) return;
    this.onState({ live, silentSinceMs: live ? null : this.heardMs, dataMs: null, recorded: false, nowMs: serverNow() });
    this.next = setTimeout(() => this.ask(), ASK_EVERY_MS);
  }
}
