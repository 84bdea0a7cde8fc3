// Alerts about no patient, on the page of those who look after the server: a feed, a channel, a storm. Asked every three seconds.
import { Actions } from "./act.js";
import { Standing } from "./alert.js";
import { Asking } from "./asking.js";
import { age, clockTime, serverNow } from "./clock.js";
import { looseAlerts } from "./loose.js";
import { answered, SEVERITIES } from "./risk.js";
import { Shape } from "./shapes.js";
import { html } from "./view.js";

export class Technical extends Asking {
  static EVERY_MS = 3000;

  async ask() {
    return { alerts: await looseAlerts() };
  }

  render({ app }, { alerts, failed }) {
    const now = serverNow();
    return html`<section class="card wide"><h2>Technical alerts</h2>
      ${failed && html`<p role="alert" class="note">${failed}</p>`}
      ${alerts?.length === 0 && html`<p class="quiet">None is open. Those about a patient's monitor or values stand on the ward board.</p>`}
      ${alerts?.length > 0 && html`<ul class="alerts loose" aria-label="Technical alerts">${alerts.map((alert) => html`<${Alert} key=${alert.id} app=${app} alert=${alert} now=${now} />`)}</ul>`}</section>`;
  }
}

function Alert({ app, alert, now }) {
  const severity = SEVERITIES[alert.severity] ?? SEVERITIES.technical;
  return html`<li data-severity=${alert.severity} data-answered=${answered(alert)}><${Shape} name=${severity.shape} />
    <div><p><b>${severity.word}</b> ${alert.unit && `${alert.unit}: `}${alert.reason}</p>
      <${Standing} alert=${alert} now=${now} named=${app.may("read_identity")} /><${Actions} app=${app} alert=${alert} /></div>
    <time datetime=${new Date(alert.at_ms).toISOString()} title="open since ${clockTime(alert.at_ms)}">${age(now - alert.at_ms)}</time></li>`;
}
