// The ward board: what needs somebody first, then everybody by risk; as tiles or as a list.
import { Actions } from "./act.js";
import { Standing } from "./alert.js";
import { AlertSteps } from "./alert_steps.js";
import { Fold } from "./fold.js";
import { alertRank, answered, SEVERITIES } from "./risk.js";
import { Row, ROW_HEADS } from "./row.js";
import { Shape } from "./shapes.js";
import { Tile } from "./tile.js";
import { age, serverNow } from "./clock.js";
import { Component, html } from "./view.js";

const LAYOUTS = { tiles: "Tiles", list: "List" };

export class Board extends Component {
  getSnapshotBeforeUpdate() {
    return document.activeElement;
  }

  /** A tile that moves must not lose the keyboard's focus. */
  componentDidUpdate(_props, _state, focused) {
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  render({ app }) {
    const { ward, order, unit, layout } = app;
    const alerting = order.filter((patient) => alertRank(patient) > 0).length;
    const units = ward.units();
    if (unit !== null && !units.some(([name]) => name === unit)) units.push([unit, 0]); // It may have emptied: what is chosen is to be seen.
    return html`<div class="tools">
        <h1>Ward board</h1>
        <p class="counts"><b>${order.length}</b> ${order.length === 1 ? "patient" : "patients"}<span class="split" data-some=${alerting > 0}><b>${alerting}</b> with alerts</span></p>
        <label class="units">Unit <select value=${unit ?? ""} onChange=${(event) => app.choose(event.target.value || null)}>
          <option value="">All units (${ward.patients.size})</option>
          ${units.map(([name, count]) => html`<option key=${name} value=${name}>${name || "no unit"} (${count})</option>`)}
        </select></label>
        <div class="choice" role="group" aria-label="Show patients as">${Object.entries(LAYOUTS).map(([name, words]) => html`
          <button key=${name} type="button" aria-pressed=${layout === name} onClick=${() => app.arrange(name)}>${words}</button>`)}</div>
      </div>
      <${Technical} app=${app} />
      ${order.length === 0
        ? html`<p class="empty">${ward.complete ? app.unit === null ? "Nobody is on the ward: no patient has been admitted or measured yet." : `Nobody is in ${app.unit} now.` : "Waiting for the ward …"}</p>`
        : layout === "list" ? html`<${List} app=${app} order=${order} />` : html`<${Tiles} app=${app} order=${order} alerting=${alerting} />`}`;
  }
}

function Tiles({ app, order, alerting }) {
  const item = ({ patient }) => html`<li key=${patient}><${Tile} id=${patient} app=${app} /></li>`;
  return html`<ol class="tiles" onKeyDown=${walk}>
    ${order.slice(0, alerting).map(item)}
    ${alerting > 0 && alerting < order.length && html`<li class="calm" key="calm"><h2>No open alert</h2></li>`}
    ${order.slice(alerting).map(item)}</ol>`;
}

function List({ app, order }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Patients by risk"><table class="list" role="table" onKeyDown=${walk}>
    <caption class="unseen">Patients by risk</caption>
    <thead role="rowgroup"><tr role="row">${ROW_HEADS.map((head) => html`<th key=${head} role="columnheader" scope="col">${head}</th>`)}</tr></thead>
    <tbody role="rowgroup">${order.map(({ patient }) => html`<${Row} key=${patient} id=${patient} app=${app} />`)}</tbody></table></div>`;
}

/** Alerts about no patient: a feed, a channel, a storm. */
function Technical({ app }) {
  const alerts = app.ward.technical(app.unit);
  if (alerts.length === 0) return null;
  const now = serverNow();
  const named = app.may("read_identity");
  const steps = (alert) => html`<${AlertSteps} id=${alert.id} turn=${`${alert.state} ${alert.changed_ms}`} named=${named} />`;
  return html`<ul class="alerts loose" aria-label="Technical alerts">${alerts.map((alert) => html`<li key=${alert.id} data-severity=${alert.severity} data-answered=${answered(alert)}>
    <${Shape} name=${(SEVERITIES[alert.severity] ?? SEVERITIES.technical).shape} />
    <div><p><b>${(SEVERITIES[alert.severity] ?? SEVERITIES.technical).word}</b> ${alert.reason}</p>
      <${Standing} alert=${alert} now=${now} named=${named} />
      <${Actions} app=${app} alert=${alert} />
      <${Fold} summary="Its steps" draw=${() => steps(alert)} /></div>
    <time>${age(now - alert.at_ms)}</time></li>`)}</ul>`;
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Arrow keys go from patient to patient, among tiles up and down by a row; Enter opens the patient's page. */
function walk(event) {
  const { target, key, currentTarget } = event;
  if (!target.matches(".tile, tr[data-patient]")) return;
  if (key === "Enter") {
    location.hash = `#/patient/${target.dataset.patient}`;
    return;
  }
  const step = STEPS[key];
  if (step === undefined) return;
  const all = [...currentTarget.querySelectorAll(".tile, tr[data-patient]")];
  const isRow = target.matches("tr");
  const columns = isRow ? 1 : getComputedStyle(currentTarget).gridTemplateColumns.split(" ").length;
  const next = all[all.indexOf(target) + step * (key === "ArrowUp" || key === "ArrowDown" ? columns : 1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
