// Wires the page: session, stream, ward, board.
import { Board } from "./board.js";
import { Frames } from "./frames.js";
import { SEVERITIES } from "./risk.js";
import { signIn, signOut, tokenFromAddress, whoAmI } from "./session.js";
import { SignIn } from "./signin.js";
import { Stream } from "./stream.js";
import { recallTheme, switchTheme } from "./theme.js";
import { html, render } from "./view.js";
import { Ward } from "./ward.js";

const UNIT = "nightlamp.unit";
const SECOND_MS = 1000;
/** Tiles change places at most this often: fast enough to be true, slow enough to be read. */
const REORDER_MS = 500;
const root = document.getElementById("app");

class Page {
  constructor() {
    this.ward = new Ward();
    this.frames = new Frames();
    this.unit = sessionStorage.getItem(UNIT);
    this.order = [];
    this.connection = { live: false, silentSinceMs: null, dataMs: null, recorded: false, nowMs: Date.now(), failed: false };
    this.announced = "";
    this.stale = true;
    this.orderedAt = 0;
    this.reordering = null;
  }

  open() {
    this.stream = new Stream({
      onMessages: (messages) => this.take(messages),
      onState: (state) => this.tell(state),
      mayEnter: () => this.mayEnter(),
    });
    this.stream.start();
    this.second = setInterval(() => this.tick(), SECOND_MS);
    this.redraw();
  }

  close() {
    this.stream.stop();
    clearInterval(this.second);
    clearTimeout(this.reordering);
    this.frames.stop();
  }

  take(messages) {
    const { changed, opened, reorder } = this.ward.take(messages);
    this.frames.mark(changed);
    this.stale ||= reorder;
    const urgent = opened.length > 0 || messages.some((message) => message.type === "ready" || message.type === "left");
    if (opened.length > 0) this.announced = opened.slice(-3).map(announcement).join(". ");
    if (urgent) this.redraw();
    else if (this.stale) this.reorderSoon();
  }

  reorderSoon() {
    if (this.reordering) return;
    const waitMs = this.orderedAt + REORDER_MS - performance.now();
    this.reordering = setTimeout(() => {
      this.reordering = null;
      this.redraw();
    }, Math.max(0, waitMs));
  }

  /** Once a second: ages, the clock, and a new order if anything in it changed. */
  tick() {
    this.frames.mark(null);
    this.redraw();
  }

  tell(state) {
    const before = this.connection;
    this.connection = { ...before, ...state, failed: before.failed && !state.live };
    if (before.live !== state.live) this.redraw();
  }

  async mayEnter() {
    try {
      if (await whoAmI()) return true;
    } catch (unreachable) {
      this.connection = { ...this.connection, failed: true };
      this.redraw();
      throw unreachable;
    }
    this.close();
    showSignIn(false);
    return false;
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
    const alerting = this.order.filter((patient) => patient.alerts.length > 0).length;
    document.title = this.connection.live || this.connection.silentSinceMs === null
      ? `${alerting > 0 ? `(${alerting}) ` : ""}Ward board · nightlamp`
      : "Server silent · nightlamp";
    render(html`<${Board} ward=${this.ward} frames=${this.frames} order=${this.order} unit=${this.unit}
      connection=${this.connection} announced=${this.announced} onUnit=${(unit) => this.choose(unit)}
      onTheme=${switchTheme} onSignOut=${() => this.leave()} />`, root);
  }

  choose(unit) {
    this.unit = unit;
    if (unit === null) sessionStorage.removeItem(UNIT);
    else sessionStorage.setItem(UNIT, unit);
    this.stale = true;
    this.redraw();
  }

  async leave() {
    this.close();
    await signOut();
    showSignIn(false);
  }
}

function announcement(alert) {
  const word = SEVERITIES[alert.severity]?.word ?? alert.severity;
  return `${word} alert, ${alert.unit} bed ${alert.bed}: ${alert.reason}`;
}

function showSignIn(refused) {
  render(null, root);
  document.title = "Sign in · nightlamp";
  const onToken = (token) => enter(token);
  render(html`<${SignIn} refused=${refused} onToken=${onToken} />`, root);
}

let page = null;

/** From a token (or the cookie of an earlier sign-in) to the board. */
async function enter(token) {
  page?.close();
  page = null;
  try {
    const welcome = (token !== null && (await signIn(token))) || (await whoAmI()) !== null;
    if (!welcome) return showSignIn(token !== null);
  } catch {
    render(html`<p class="empty" role="alert">The server does not answer. Trying again …</p>`, root);
    return setTimeout(() => enter(token), 2000);
  }
  render(null, root);
  page = new Page();
  page.open();
}

recallTheme();
enter(tokenFromAddress());
addEventListener("hashchange", () => {
  const token = tokenFromAddress();
  if (token !== null) enter(token);
});
