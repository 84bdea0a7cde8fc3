// One patient as known at a past time: asked for by hand, shown apart from the present, never updated.
import { age, serverNow } from "./clock.js";
import { Fold } from "./fold.js";
import { BANDS, SEVERITIES } from "./risk.js";
import { title, valueText } from "./signals.js";
import { Component, html } from "./view.js";

const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

export class Past extends Component {
  state = { wanted: null, busy: false, error: null, told: null };

  async ask() {
    const at = new Date(this.state.wanted ?? localTime(serverNow()));
    if (Number.isNaN(at.getTime())) return this.setState({ error: "Give a date and a time." });
    this.setState({ busy: true, error: null });
    try {
      const answer = await fetch(`/v1/patients/${this.props.id}/as-of?at=${at.toISOString()}`);
      const said = await answer.json();
      if (answer.ok) return this.setState({ told: said, busy: false }, () => this.dialog.showModal());
      this.setState({ error: said.detail ?? `The server answered ${answer.status}.`, busy: false });
    } catch {
      this.setState({ error: "The server does not answer.", busy: false });
    }
  }

  render({ id }, { wanted, busy, error, told }) {
    return html`<${Fold} className="past" summary="As it was at …" draw=${() => this.form(id, wanted, busy, error, told)} />`;
  }

  form(id, wanted, busy, error, told) {
    const now = localTime(serverNow());
    return html`<p><label for="past-${id}">Time</label> <input id="past-${id}" type="datetime-local" step="1" max=${now} value=${wanted ?? now}
        onInput=${(event) => this.setState({ wanted: event.target.value, error: null })} />
        <button type="button" disabled=${busy} onClick=${() => this.ask()}>${busy ? "Reading …" : "Show"}</button></p>
      ${error && html`<p role="alert">${error}</p>`}
      <dialog ref=${(dialog) => { this.dialog = dialog; }} aria-labelledby="past-of-${id}">
        ${told && html`<${Then} told=${told} id=${id} onClose=${() => this.dialog.close()} />`}
      </dialog>`;
  }
}

/** What the server tells of a past; `onClose` where it stands in a dialog. */
export function Then({ told, id, onClose }) {
  const at = Date.parse(told.at);
  const place = told.bed ? `Bed ${told.bed}, ${told.unit}` : "No bed";
  const differs = told.scores.some((score) => score.matches_stored === false);
  return html`<header>
      <p class="mark">Past, not the present state</p>
      <h2 id="past-of-${id}">${place} at ${dateFormat.format(at)}</h2>
      ${onClose && html`<button type="button" onClick=${onClose}>Close</button>`}
    </header>
    ${differs && html`<p role="alert">A score computed again is not the one that was stored. The server has recorded it.</p>`}
    <h3>Scores</h3>
    <table><thead><tr><th>Score</th><th>Value</th><th>Inputs</th><th>Version</th><th>From</th></tr></thead>
      <tbody>${told.scores.map((score) => html`<${ScoreThen} score=${score} at=${at} />`)}</tbody></table>
    ${told.missing_models.map((model) => html`<p>${model.name} ${model.version} scored then and is not on this server.</p>`)}
    <h3>Open alerts</h3>
    ${told.alerts.length === 0 ? html`<p class="quiet">None</p>` : html`<ul>${told.alerts.map((alert) => html`<li>
      <b>${SEVERITIES[alert.severity]?.word ?? alert.severity}</b> ${alert.reason}, open for ${age(at - Date.parse(alert.opened_at))}</li>`)}</ul>`}
    <h3>Values</h3>
    ${told.signals.length === 0 ? html`<p class="quiet">Nothing had been observed</p>` : html`<table>
      <thead><tr><th>Signal</th><th>Value</th><th>Age</th></tr></thead><tbody>${told.signals.map((one) => html`<tr>
      <th scope="row">${title(one.signal)}</th><td>${valueText(one.signal, one.value, one.unit)}</td><td>${age(one.age_s * 1000)}</td></tr>`)}</tbody></table>`}`;
}

function ScoreThen({ score, at }) {
  const stored = score.origin === "stored" ? `stored ${age(at - Date.parse(score.scored_at))} before` : "computed for this time";
  return html`<tr class=${score.origin}><th scope="row">${score.model}</th><td>${valueThen(score)}</td>
    <td>${score.present} of ${score.expected}</td><td>${score.version}</td><td>${stored}</td></tr>`;
}

function valueThen(score) {
  if (score.value === null) return html`<span class="quiet" title=${score.why_not}>no score</span>`;
  if (score.kind === "model") return `${Number((score.value * 100).toPrecision(2))} %`;
  return score.model === "news2" ? `${score.value} ${BANDS[score.band]?.word ?? ""}` : String(Number(score.value.toPrecision(3)));
}

/** The value of a datetime-local input, in the reader's time zone. */
function localTime(ms) {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}
