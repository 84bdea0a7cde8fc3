// One patient as a line of the list.
import { isHeld } from "./alert.js";
import { age, serverNow } from "./clock.js";
import { alertRank, answered, SEVERITIES } from "./risk.js";
import { addressOf } from "./route.js";
import { Same } from "./same.js";
import { ageOfScore, Arrow, News2, riskText, signOfNews2 } from "./scores.js";
import { Shape } from "./shapes.js";
import { VITALS } from "./signals.js";
import { trend } from "./trend.js";
import { html } from "./view.js";
import { Watching } from "./watching.js";

export const ROW_HEADS = ["Bed", "Patient", "NEWS2", "Alert", ...VITALS.map((row) => row.label), "Sepsis", "Newest"];

export class Row extends Watching {
  render({ app, id }) {
    this.last = app.ward.patients.get(id) ?? this.last;
    const patient = this.last;
    const now = serverNow();
    const { news2 } = patient.scores;
    const seen = app.ward.course.get(id);
    const risk = patient.scores.sepsis?.value ?? null;
    const aged = ageOfScore("sepsis", patient.scores.sepsis, now);
    const newestMs = Math.max(...Object.values(patient.vitals).map((vital) => vital.at_ms));
    return html`<tr ref=${this.outermost} role="row" tabindex="0" data-patient=${id} data-rank=${alertRank(patient)}>
      <th role="rowheader" scope="row"><a href=${addressOf(id)}><b class="bed">${patient.bed || "No bed"}</b></a> <small>${patient.unit}</small></th>
      <td role="cell" class="who">${app.people.nameOf(id).text}</td>
      <td role="cell" class="score"><${Same} sign=${signOfNews2(news2, seen, now)} draw=${() => html`<${News2} score=${news2} seen=${seen} now=${now} />`} /></td>
      <td role="cell" class="alert"><${Worst} alerts=${patient.alerts} now=${now} /></td>
      ${VITALS.map((row) => html`<${Value} key=${row.name} row=${row} patient=${patient} now=${now} />`)}
      <td role="cell" class="number ${aged.old ? "stale" : ""}" data-label="Sepsis">${risk === null ? html`<span class="quiet">–</span>` : riskText(risk)}${aged.words && html` <small>${aged.words}</small>`}</td>
      <td role="cell" class="number" data-label="Newest">${Number.isFinite(newestMs) ? age(now - newestMs) : "never"}</td></tr>`;
  }
}

function Worst({ alerts, now }) {
  if (alerts.length === 0) return html`<span class="quiet">none</span>`;
  const [alert] = alerts;
  const severity = SEVERITIES[alert.severity] ?? SEVERITIES.low;
  return html`<span class="flag" data-severity=${alert.severity} data-answered=${answered(alert)}><${Shape} name=${severity.shape} />
    <span><b>${severity.word}</b> ${alert.reason}${alerts.length > 1 ? ` (+${alerts.length - 1})` : ""}${" "}
    <small>${answered(alert) ? alert.state : age(now - alert.at_ms)}</small>
    ${isHeld(alert) && html`<small class="held"><${Shape} name="bellOff" /> nobody notified at first</small>`}</span></span>`;
}

function Value({ row, patient, now }) {
  const vital = patient.vitals[row.name];
  if (!vital) return html`<td role="cell" class="number missing" data-label=${row.label}>missing</td>`;
  const old = now - vital.at_ms > row.staleMs;
  const second = row.second && patient.vitals[row.second];
  return html`<td role="cell" class="number ${old ? "stale" : ""}" data-label=${row.label}>${vital.value.toFixed(row.digits)}${second ? `/${second.value.toFixed(0)}` : ""}
    ${old ? html` <small>${age(now - vital.at_ms)} old</small>` : html`<${Arrow} way=${trend(row.name, patient.spark[row.name], now)} />`}</td>`;
}
