// The ward board: header, connection banner, tiles by risk.
import { clockTime } from "./clock.js";
import { alertRank } from "./risk.js";
import { Tile } from "./tile.js";
import { Component, html } from "./view.js";

const OLD_DATA_MS = 15_000;

export class Board extends Component {
  getSnapshotBeforeUpdate() {
    return document.activeElement;
  }

  /** A tile that moves must not lose the keyboard's focus. */
  componentDidUpdate(_props, _state, focused) {
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  render({ ward, frames, order, unit, connection, signedOut, announced, onUnit, onTheme, onSignOut }) {
    const units = ward.units();
    const alerting = order.filter((patient) => alertRank(patient) > 0).length;
    const item = ({ patient }) => html`<li key=${patient}><${Tile} id=${patient} ward=${ward} frames=${frames} /></li>`;
    return html`
      <a class="skip" href="#board">Skip to the board</a>
      <header class="bar">
        <p class="brand"><img src="lamp.svg" alt="" width="28" height="28" /><span>nightlamp</span></p>
        <h1>Ward board</h1>
        <p class="counts"><b>${order.length}</b> ${order.length === 1 ? "patient" : "patients"}<span class="split" data-some=${alerting > 0}><b>${alerting}</b> with alerts</span></p>
        <label class="units">Unit <select value=${unit ?? ""} onChange=${(event) => onUnit(event.target.value || null)}>
          <option value="">All units (${ward.patients.size})</option>
          ${units.map(([name, count]) => html`<option key=${name} value=${name}>${name || "no unit"} (${count})</option>`)}
        </select></label>
        <${Light} connection=${connection} />
        <button type="button" onClick=${onTheme}>Theme</button>
        <button type="button" onClick=${onSignOut}>Sign out</button>
      </header>
      <${Recording} connection=${connection} />
      <${Banner} connection=${connection} signedOut=${signedOut} />
      <p class="unseen" role="status" aria-live="polite">${announced}</p>
      <main id="board" class=${connection.live ? "" : "silent"} tabindex="-1">
        ${order.length === 0
          ? html`<p class="empty">${ward.complete ? "No patient in this view." : "Waiting for the ward …"}</p>`
          : html`<ol class="tiles" onKeyDown=${walk}>
              ${order.slice(0, alerting).map(item)}
              ${alerting > 0 && alerting < order.length && html`<li class="calm" key="calm"><h2>No open alert</h2></li>`}
              ${order.slice(alerting).map(item)}</ol>`}
      </main>
      <footer class="foot">Research software, not a medical device.</footer>`;
  }
}

function Light({ connection }) {
  return html`<p class="light" data-live=${connection.live}>
    <span class="bulb" aria-hidden="true"></span>${connection.live ? "Live" : "Not live"}
    <time>${connection.live ? clockTime(connection.nowMs) : ""}</time></p>`;
}

function Banner({ connection }) {
  const { live, silentSinceMs, dataMs, nowMs } = connection;
  if (!live && silentSinceMs !== null) {
    return html`<div class="banner" role="alert"><p><b>Server silent since ${clockTime(silentSinceMs)}.</b>${" "}
      <span>What is shown below is no longer current. Reconnecting by itself.</span></p></div>`;
  }
  if (!live && connection.failed) {
    return html`<div class="banner" role="alert"><p><b>The server does not answer.</b> Trying again by itself.</p></div>`;
  }
  if (live && dataMs !== null && nowMs - dataMs > OLD_DATA_MS) {
    return html`<div class="banner" role="alert"><p><b>No new data since ${clockTime(dataMs)}.</b> The server answers, but nothing reaches it.</p></div>`;
  }
  return null;
}

/** Stands above everything as long as the server replays a recording: nobody may take it for the ward. */
function Recording({ connection }) {
  return connection.recorded && html`<div class="recording" role="note"><p><b>Replaying a recording.</b>${" "}
    This is not a live ward: times and ages are those of the recording.</p></div>`;
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Arrow keys go from tile to tile; up and down by a row. */
function walk(event) {
  const step = STEPS[event.key];
  if (step === undefined || !event.target.classList.contains("tile")) return;
  const tiles = [...event.currentTarget.querySelectorAll(".tile")];
  const at = tiles.indexOf(event.target);
  const columns = getComputedStyle(event.currentTarget).gridTemplateColumns.split(" ").length;
  const next = tiles[at + step * (event.key === "ArrowUp" || event.key === "ArrowDown" ? columns : 1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
