// The alerts of a stay, what is not over first, then the newest, each with what was done about it.
import { get } from "./api.js";
import { FollowingSteps, HELD, StepList } from "./alert_steps.js";
import { Unread } from "./asking.js";
import { age, dayTime } from "./clock.js";
import { SEVERITIES, STATES } from "./risk.js";
import { Shape } from "./shapes.js";
import { stayBegan } from "./span.js";
import { html } from "./view.js";

const SHOWN_MAX = 100;
/** The clock of who tells admissions may run so far ahead. */
const AHEAD_MS = 5 * 60_000;

/** `turn` says which alerts stand how. */
export class AlertHistory extends FollowingSteps {
  async ask() {
    const { items, next_cursor: next } = await get(`/v1/alerts?patient=${this.props.id}&limit=${SHOWN_MAX}`);
    const beganMs = stayBegan(this.props.person) ?? 0;
    // An alert that opened before the admission and reached into the stay is one of it.
    const ofStay = items.filter((alert) => !alert.cleared_at || Date.parse(alert.cleared_at) >= beganMs - AHEAD_MS);
    return { items: ofStay, cut: next !== null && ofStay.length === items.length };
  }

  render({ app }, { items, cut, failed, readMs }) {
    const named = app.may("read_identity");
    return html`<section class="card history"><h2>Alerts of this stay</h2>
      <${Unread} failed=${failed} readMs=${readMs} />
      ${items?.length === 0 && html`<p class="quiet">No alert in this stay.</p>`}
      ${items?.length > 0 && html`<ol>${items.map((alert) => html`<${Entry} key=${alert.alert_id} alert=${alert} named=${named} />`)}</ol>`}
      ${cut && html`<p class="quiet">The newest ${SHOWN_MAX}; older ones are left out.</p>`}</section>`;
  }
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
