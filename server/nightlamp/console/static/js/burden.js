// How much alerts ask of each unit, and how often they were right: the last seven days.
import { get } from "./api.js";
import { Asking, Unread } from "./asking.js";
import { age } from "./clock.js";
import { html } from "./view.js";

export class Burden extends Asking {
  static EVERY_MS = 60_000;
  static MAY_BE_ABSENT = true;

  async ask() {
    return { told: await get("/v1/figures/alerts") };
  }

  render(_, { told, failed, readMs }) {
    if (!told && !failed) return null;
    return html`<section class="card wide burden"><h2>Alert burden, last seven days</h2>
      <${Unread} failed=${failed} readMs=${readMs} />
      ${told && html`<div class="scroll" tabindex="0" role="region" aria-label="Alert burden by unit"><table class="figures">
        <thead><tr>${HEADS.map((head) => html`<th key=${head} scope="col">${head}</th>`)}</tr></thead>
        <tbody>${told.items.map((one) => html`<${Unit} key=${one.unit} one=${one} name=${one.unit || "no bed"} />`)}
          ${told.items.length !== 1 && html`<${Unit} one=${told.all} name="All units" />`}</tbody></table></div>
        <p class="quiet">Followed by: ${told.outcome}.</p>`}</section>`;
  }
}

/** Of less than this a rate per day says nothing. */
const DAYS_MIN = 0.5;
const HEADS = ["Unit", "Patient-days", "Alerts", "per patient-day", "High, medium, low", "Acknowledged", "after (median, 90 %)", "Snoozed", "Escalated",
  "Expired", "Followed by an outcome", "Technical"];

function Unit({ one, name }) {
  const { median, p90 } = one.acknowledged_after_s;
  return html`<tr><th scope="row">${name}</th><td>${one.patient_days.toFixed(1)}</td><td>${one.alerts}</td>
    <td>${one.per_patient_day === null ? "–" : one.patient_days < DAYS_MIN ? html`<small>too short</small>` : one.per_patient_day.toFixed(2)}</td>
    <td>${one.by_severity.high}, ${one.by_severity.medium}, ${one.by_severity.low}</td><td>${share(one.shares.acknowledged)}</td>
    <td>${median === null ? "–" : `${age(median * 1000)}, ${age(p90 * 1000)}`}</td><td>${share(one.shares.snoozed)}</td>
    <td>${share(one.shares.escalated)}</td><td>${share(one.shares.expired)}</td>
    <td class="outcome">${one.ppv.value === null ? html`<small>${one.ppv.why_not}</small>` : `${share(one.ppv.value)} of ${one.ppv.judged}`}</td><td>${one.technical}</td></tr>`;
}

const share = (value) => (value === null ? "–" : `${Math.round(value * 100)} %`);
