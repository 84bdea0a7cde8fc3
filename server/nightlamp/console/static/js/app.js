// The page as long as one person is signed in: stream, ward, names, sound, idle lock, and which part of it is shown.
import { announcement, isCall } from "./calls.js";
import { catchUp } from "./catch_up.js";
import { Frames } from "./frames.js";
import { Idle } from "./idle.js";
import { lineOf } from "./line.js";
import { looseAlerts } from "./loose.js";
import { People } from "./people.js";
import { here, pagesFor } from "./route.js";
import { isEnding, sameSight, signIn, signOut, tellUse, whenSessionMayDiffer, whoAmI } from "./session.js";
import { Shell } from "./shell.js";
import { Sound } from "./sound.js";
import { titleOf } from "./title.js";
import { forgetUnit, keepUnit, recallUnit } from "./unit_filter.js";
import { html, render } from "./view.js";
import { Ward } from "./ward.js";

const LAYOUT = "nightlamp.layout";
const SECOND_MS = 1000;
/** After a token was taken, whose session it is now is asked so often until the server answers. */
const ASK_AGAIN_MS = 2000;
/** Tiles change places at most this often: fast enough to be true, slow enough to be read. */
const REORDER_MS = 500;

export class App {
  /** onEnd(session): signed out (null), or the session is another's. */
  constructor(root, session, onEnd) {
    Object.assign(this, { root, session, onEnd });
    this.ward = new Ward();
    this.frames = new Frames();
    this.unit = recallUnit(session);
    this.layout = localStorage.getItem(LAYOUT) ?? "tiles";
    this.order = [];
    this.connection = { live: false, silentSinceMs: null, dataMs: null, recorded: false, nowMs: Date.now(), failed: false };
    this.announced = "";
    this.stale = true;
    this.orderedAt = 0;
    this.reordering = null;
    this.locked = null;
    this.closed = false;
    this.sound = new Sound(() => this.redraw());
    this.people = new People(() => this.frames.mark(null) || this.redraw());
    this.idle = new Idle(async () => this.locked === null && tellUse());
    this.routed = () => this.turn();
  }

  may(permission) {
    return this.session.permissions.includes(permission);
  }

  open() {
    addEventListener("hashchange", this.routed);
    this.second = setInterval(() => this.tick(), SECOND_MS);
    this.unlooked = whenSessionMayDiffer(() => this.mayEnter().catch(() => {}));
    this.turn();
    this.listen();
  }

  listen() {
    this.line?.stop();
    this.line = lineOf(this, this.line);
    this.line.start();
  }

  close() {
    this.closed = true;
    forgetUnit();
    this.unlooked();
    clearTimeout(this.asking);
    this.line.stop();
    this.caughtUp?.();
    this.idle.stop();
    this.people.stop();
    this.sound.stop();
    clearInterval(this.second);
    clearTimeout(this.reordering);
    removeEventListener("hashchange", this.routed);
    this.frames.stop();
  }

  /** The address has changed. */
  turn() {
    const wanted = here();
    const pages = pagesFor(this.session.permissions);
    const allowed = wanted.page === "patient" ? this.may("read") : pages.some(({ page }) => page === wanted.page);
    this.place = allowed ? wanted : { page: pages[0]?.page ?? "none" };
    scrollTo(0, 0);
    this.redraw();
  }

  take(messages) {
    const { changed, steps, reorder } = this.ward.take(messages);
    this.frames.mark(changed, steps.map((step) => step.patient));
    this.stale ||= reorder;
    const calls = steps.filter((step) => isCall(step) && (this.unit === null || step.unit === this.unit || step.unit === ""));
    if (calls.some((step) => step.severity === "high" && !step.held)) this.sound.play();
    if (calls.length > 0) this.announced = calls.slice(-3).map(announcement).join(". ");
    if (messages.some((message) => message.type === "ready")) {
      this.caughtUp?.();
      this.caughtUp = catchUp(() => this.readLoose());
    }
    const urgent = steps.length > 0 || messages.some((message) => message.type === "ready" || message.type === "left");
    if (urgent) this.redraw();
    else if (this.stale) this.reorderSoon();
  }

  async readLoose() {
    try {
      this.ward.takeLoose(await looseAlerts());
      this.redraw();
    } catch {
      // The stream tells every step from here on; what was before shows with the next reading, or the next connection.
    }
  }

  reorderSoon() {
    if (this.reordering) return;
    const waitMs = this.orderedAt + REORDER_MS - performance.now();
    this.reordering = setTimeout(() => {
      this.reordering = null;
      this.redraw();
    }, Math.max(0, waitMs));
  }

  /** Once a second: ages, the clock, names of who is new, and the lock. */
  tick() {
    const limit = this.session.idle_lock_s ?? 0;
    if (this.locked === null && isEnding()) this.lock("over");
    if (limit > 0 && this.locked === null && this.idle.seconds() > limit) this.lock("idle");
    this.frames.age();
    if (this.may("read") && this.locked === null && this.ward.complete) this.people.look([...this.ward.patients.keys()]);
    this.redraw();
  }

  tell(state) {
    const before = this.connection;
    this.connection = { ...before, ...state, failed: before.failed && !state.live };
    if (before.live !== state.live) this.redraw();
  }

  /** Whether the session is still this person's: a page belongs to whom the session belongs to. `found`: what whoAmI has just said. */
  async mayEnter(found) {
    let session = found;
    const wasOver = this.locked?.why === "over";
    try {
      if (found === undefined) session = isEnding() ? null : await whoAmI();
    } catch (unreachable) {
      this.connection = { ...this.connection, failed: true };
      this.redraw();
      throw unreachable;
    }
    if (this.closed) return false;
    if (session !== null && sameSight(session, this.session)) {
      if (wasOver && this.locked !== null && !isEnding()) this.goOn(); // Signed in elsewhere, after the one before had ended here.
      return true;
    }
    if (session !== null) this.end(session);
    else if (this.locked === null) this.lock("over");
    return false;
  }

  /** The screen is empty until somebody shows a token again; what was on it is kept. `why`: idle, asked or over (elsewhere). */
  lock(why) {
    this.locked = { why, refused: false };
    this.line.stop();
    this.connection = { ...this.connection, live: false, silentSinceMs: null };
    this.redraw();
    if (why !== "over") signOut();
  }

  async unlock(token) {
    clearTimeout(this.asking);
    try {
      if (!(await signIn(token))) return this.refuse(true);
    } catch {
      return this.refuse("unreachable");
    }
    this.come();
  }

  /** A token was taken, and may be good no more: from here on is only asked whose session it is. */
  async come() {
    let session = null;
    try {
      session = await whoAmI();
    } catch {
      this.asking = setTimeout(() => this.come(), ASK_AGAIN_MS);
      return this.refuse("taken");
    }
    if (this.closed || this.locked === null) return;
    if (session === null) return this.refuse(true);
    if (!sameSight(session, this.session)) return this.end(session);
    this.goOn();
  }

  /** Unlocked: what was kept is shown again. */
  goOn() {
    clearTimeout(this.asking);
    this.locked = null;
    this.idle.touch();
    this.listen();
    this.redraw();
  }

  refuse(refused) {
    if (this.closed) return clearTimeout(this.asking);
    this.locked = { ...this.locked, refused };
    this.redraw();
  }

  redraw() {
    this.frames.markWhole(() => this.draw());
  }

  draw() {
    if (this.stale) {
      this.order = this.ward.sorted(this.unit);
      this.stale = false;
      this.orderedAt = performance.now();
    }
    document.title = titleOf(this);
    render(html`<${Shell} app=${this} />`, this.root);
  }

  choose(unit) {
    this.unit = unit;
    keepUnit(this.session, unit);
    this.stale = true;
    this.redraw();
  }

  arrange(layout) {
    this.layout = layout;
    localStorage.setItem(LAYOUT, layout);
    this.redraw();
  }

  /** Signed out, or somebody else has signed in. */
  end(session = null) {
    this.close();
    render(null, this.root);
    this.onEnd(session);
  }

  /** What was shown is gone before the server is asked anything. Of a locked page the session has ended, or is being ended. */
  leave() {
    if (this.locked === null) signOut();
    this.end();
  }
}
