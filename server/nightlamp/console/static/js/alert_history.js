// All alerts of a patient, the newest first, each with what was done about it.
import { get } from "./api.js";
import { Asking } from "./asking.js";
import { catchUp } from "./catch_up.js";
import { age, dayTime } from "./clock.js";
import { SEVERITIES, STATES } from "./risk.js";
import { roleTitle } from "./session.js";
import { Shape } from "./shapes.js";
import { html } from "./view.js";

const SHOWN_MAX = 100;

export class AlertHistory extends Asking {
  static EVERY_MS = 15_000;

  /** The stream has told a step: `turn` says which alerts stand how. */
  componentDidUpdate(before) {
    if (before.turn === this.props.turn) return;
    this.caughtUp?.();
    this.caughtUp = catchUp(() => this.read());
  }

  componentWillUnmount() {
    super.componentWillUnmount();
    this.caughtUp?.();
  }

  async ask() {
    return { items: await alertsOf(this.props.id) };
  }

  render(_, { items, failed }) {
    return html`<section class="card history"><h2>Alerts</h2>
      ${failed && html`<p class="note" role="alert">${failed}</p>`}
      ${items?.length === 0 && html`<p class="quiet">No alert in this stay.</p>`}
      ${items?.length > 0 && html`<ol>${items.map((alert) => html`<${Entry} key=${alert.alert_id} alert=${alert} />`)}</ol>`}</section>`;
  }
}

async function alertsOf(id) {
  const { items } = await get(`/v1/alerts?patient=${id}&limit=${SHOWN_MAX}`);
  // A server that knows no histories tells the alerts alone.
  return items.every((alert) => alert.history) ? items : (await get(`/v1/patients/${id}/alerts?limit=${SHOWN_MAX}`)).items;
}

function Entry({ alert }) {
  const severity = SEVERITIES[alert.severity] ?? SEVERITIES.low;
  const openedMs = Date.parse(alert.opened_at);
  const over = alert.cleared_at ? `over after ${age(Date.parse(alert.cleared_at) - openedMs)}` : STATES[alert.state] ?? alert.state;
  return html`<li data-severity=${alert.severity} data-state=${alert.state}><${Shape} name=${severity.shape} />
    <div><p><b>${severity.word}</b> ${alert.reason} <span class="quiet">· ${over}</span></p>
      ${alert.history?.length > 1 && html`<ul class="steps">
        ${alert.history_cut && html`<li class="quiet">Older steps are left out.</li>`}
        ${alert.history.map((step) => html`<li key=${`${step.seq}.${step.ordinal}`}>
        <time>${dayTime(Date.parse(step.at))}</time> ${stepWords(step)}</li>`)}</ul>`}</div>
    <time datetime=${alert.opened_at}>${dayTime(openedMs)}</time></li>`;
}

function stepWords({ kind, role, to, note, unit, bed }) {
  if (kind === "moved") return `moved with the patient to ${unit ? `${unit} bed ${bed}` : "no bed"}`;
  const by = role ? ` by ${roleTitle(role).toLowerCase()}` : "";
  const toWhom = to ? ` to ${roleTitle(to).toLowerCase()}` : "";
  return `${kind}${toWhom}${by}${note ? `: ${note}` : ""}`;
}
