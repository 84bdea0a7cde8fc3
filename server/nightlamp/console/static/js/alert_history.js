// All alerts of a patient, the newest first, each with what was done about it.
import { get } from "./api.js";
import { FollowingSteps, HELD, StepList } from "./alert_steps.js";
import { age, dayTime } from "./clock.js";
import { SEVERITIES, STATES } from "./risk.js";
import { Shape } from "./shapes.js";
import { html } from "./view.js";

const SHOWN_MAX = 100;

/** `turn` says which alerts stand how. */
export class AlertHistory extends FollowingSteps {
  async ask() {
    return { items: await alertsOf(this.props.id) };
  }

  render({ app }, { items, failed }) {
    const named = app.may("read_identity");
    return html`<section class="card history"><h2>Alerts</h2>
      ${failed && html`<p class="note" role="alert">${failed}</p>`}
      ${items?.length === 0 && html`<p class="quiet">No alert in this stay.</p>`}
      ${items?.length > 0 && html`<ol>${items.map((alert) => html`<${Entry} key=${alert.alert_id} alert=${alert} named=${named} />`)}</ol>`}</section>`;
  }
}

async function alertsOf(id) {
  const { items } = await get(`/v1/alerts?patient=${id}&limit=${SHOWN_MAX}`);
  // A server that knows no histories tells the alerts alone.
  return items.every((alert) => alert.history) ? items : (await get(`/v1/patients/${id}/alerts?limit=${SHOWN_MAX}`)).items;
}

function Entry({ alert, named }) {
  const hasSteps = alert.history?.length > 1;
  const severity = SEVERITIES[alert.severity] ?? SEVERITIES.low;
  const openedMs = Date.parse(alert.opened_at);
  const over = alert.cleared_at ? `over after ${age(Date.parse(alert.cleared_at) - openedMs)}` : STATES[alert.state] ?? alert.state;
  return html`<li data-severity=${alert.severity} data-state=${alert.state}><${Shape} name=${severity.shape} />
    <div><p><b>${severity.word}</b> ${alert.reason} <span class="quiet">· ${over}${alert.held && !hasSteps ? `; ${HELD}` : ""}</span></p>
      ${hasSteps && html`<${StepList} alert=${alert} named=${named} />`}</div>
    <time datetime=${alert.opened_at}>${dayTime(openedMs)}</time></li>`;
}
