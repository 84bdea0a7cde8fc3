// The page as long as one person is signed in: stream, ward, names, sound, idle lock, and which part of it is shown.
import { catchUp } from "./catch_up.js";
import { setServerTime } from "./clock.js";
import { Frames } from "./frames.js";
import { Idle } from "./idle.js";
import { looseAlerts } from "./loose.js";
import { People } from "./people.js";
import { Pulse } from "./pulse.js";
import { SEVERITIES } from "./risk.js";
import { here, pagesFor } from "./route.js";
import { isEnding, sameSight, signIn, signOut, tellUse, whoAmI } from "./session.js";
import { Shell } from "./shell.js";
import { Sound } from "./sound.js";
import { Stream } from "./stream.js";
import { html, render } from "./view.js";
import { Ward } from "./ward.js";

const UNIT = "nightlamp.unit";
const LAYOUT = "nightlamp.layout";
const SECOND_MS = 1000;
/** Tiles change places at most this often: fast enough to be true, slow enough to be read. */
const REORDER_MS = 500;
const TITLES = { board: "Ward board", patient: "Patient", operations: "Operations", policy: "Policy" };
/** What a person is called for, and what is read out; of the end of a snooze only the machine's: who ends one by hand is there. */
const CALLS = new Set(["opened", "raised", "unsnoozed", "escalated", "reminded"]);
const isCall = (step) => CALLS.has(step.kind) && !(step.kind === "unsnoozed" && step.by);

export class App {
  /** onEnd(): signed out. */
  constructor(root, session, onEnd) {
    Object.assign(this, { root, session, onEnd });
    this.ward = new Ward();
    this.frames = new Frames();
    this.unit = sessionStorage.getItem(UNIT);
    this.layout = localStorage.getItem(LAYOUT) ?? "tiles";
    this.order = [];
    this.connection = { live: false, silentSinceMs: null, dataMs: null, recorded: false, nowMs: Date.now(), failed: false };
    this.announced = "";
    this.stale = true;
    this.orderedAt = 0;
    this.reordering = null;
    this.locked = null;
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
    this.turn();
    this.listen();
  }

  listen() {
    const mayEnter = () => this.mayEnter();
    const onState = (state) => this.tell(state);
    this.line?.stop();
    const resume = this.line instanceof Stream ? this.line.place() : null;
    this.line = this.may("read")
      ? new Stream({ onMessages: (messages) => this.take(messages), onState, mayEnter }, resume)
      : new Pulse({ onState, mayEnter });
    this.line.start();
  }

  close() {
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

  async mayEnter() {
    try {
      if (!isEnding() && (await whoAmI())) return true;
    } catch (unreachable) {
      this.connection = { ...this.connection, failed: true };
      this.redraw();
      throw unreachable;
    }
    if (this.locked === null) this.lock("over");
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
    try {
      const session = (await signIn(token)) ? await whoAmI() : null;
      if (session === null) this.locked = { ...this.locked, refused: true };
      else if (!sameSight(session, this.session)) return this.end(session);
      else {
        this.locked = null;
        this.idle.touch();
        this.listen();
      }
    } catch {
      this.locked = { ...this.locked, refused: "unreachable" };
    }
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
    document.title = this.title();
    render(html`<${Shell} app=${this} />`, this.root);
  }

  title() {
    const { live, silentSinceMs } = this.connection;
    if (this.locked) return "Locked · nightlamp";
    if (!live && silentSinceMs !== null) return "Server silent · nightlamp";
    const alerting = this.order.filter((patient) => patient.alerts.length > 0).length;
    return `${alerting > 0 ? `(${alerting}) ` : ""}${TITLES[this.place.page] ?? "nightlamp"} · nightlamp`;
  }

  choose(unit) {
    this.unit = unit;
    if (unit === null) sessionStorage.removeItem(UNIT);
    else sessionStorage.setItem(UNIT, unit);
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

  setTime(atMs) {
    setServerTime(atMs);
  }
}

function announcement(alert) {
  const word = SEVERITIES[alert.severity]?.word ?? alert.severity;
  const where = [alert.unit, alert.bed && `bed ${alert.bed}`].filter(Boolean).join(" ");
  const step = alert.kind === "opened" ? "alert" : `alert ${alert.kind}`;
  return `${word} ${step}${where && `, ${where}`}: ${alert.reason}`;
}
