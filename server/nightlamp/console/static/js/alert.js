// An alert on a tile or a page: how severe, why, since when, who has answered, and what can be done.
import { Actions } from "./act.js";
import { HELD, Key } from "./alert_steps.js";
import { age, clockTime } from "./clock.js";
import { answered, SEVERITIES } from "./risk.js";
import { roleTitle } from "./session.js";
import { Shape } from "./shapes.js";
import { label, valueText } from "./signals.js";
import { html } from "./view.js";
import { Reason } from "./why.js";

/** Reasons shown with an alert; all of them are behind "Why". */
const REASONS_SHOWN = 3;

/** `brief`: reasons stand only with the first that waits for an answer, as on a tile. */
export function Alerts({ app, patient, now, brief = false }) {
  const { alerts } = patient;
  if (alerts.length === 0) return null;
  const first = alerts.find((alert) => !answered(alert));
  return html`<ul class="alerts" aria-label="Open alerts">${alerts.map((alert) => {
    const severity = SEVERITIES[alert.severity] ?? SEVERITIES.low;
    return html`<li key=${alert.id} data-severity=${alert.severity} data-answered=${answered(alert)}>
      <${Shape} name=${severity.shape} />
      <div>
        <p><b>${severity.word}</b> ${alert.reason}</p>
        <${Standing} alert=${alert} now=${now} named=${app.may("read_identity")} />
        ${(!brief || alert === first) && html`<${Reasons} alert=${alert} patient=${patient} />`}
        <${Actions} app=${app} alert=${alert} />
      </div>
      <time datetime=${new Date(alert.at_ms).toISOString()} title="open since ${clockTime(alert.at_ms)}">${age(now - alert.at_ms)}</time>
    </li>`;
  })}</ul>`;
}

const MARKS = { acknowledged: "check", snoozed: "clock", escalated: "up", expired: "up" };

/** "Acknowledged by nurse 4 min ago", and to who may see names (`named`) by which key; of an alert that waits only that nobody was
    called, where that is so. */
export function Standing({ alert, now, named = false }) {
  const words = standing(alert, now);
  if (words) {
    return html`<p class="standing" data-state=${alert.state}><${Shape} name=${MARKS[alert.state] ?? "dot"} /> <span>${words}<${Key} by=${alert.by} named=${named} /></span></p>`;
  }
  return isHeld(alert) ? html`<p class="standing" data-state="held"><${Shape} name="bellOff" /> <span>Held back at first: ${HELD}</span></p>` : null;
}

/** It waits, and nobody was called when it began: a storm cap or quiet hours held it back. */
export const isHeld = (alert) => alert.held && (alert.state ?? "open") === "open";

function standing({ state, role, to, note, changed_ms: changedMs, until_ms: untilMs, level }, now) {
  const by = role ? `by ${roleTitle(role).toLowerCase()}` : "by itself";
  const since = changedMs ? `${age(now - changedMs)} ago` : "";
  const said = note ? `: ${note}` : "";
  switch (state) {
    case "acknowledged": return `Acknowledged ${by} ${since}${said}`;
    case "snoozed": return `Snoozed ${by}${untilMs ? ` for another ${age(untilMs - now)}` : ""}${said}`;
    case "escalated": return `Escalated to ${roleTitle(to).toLowerCase()}${level > 1 ? ` (step ${level})` : ""} ${since}${said}`;
    case "expired": return `Nobody answered; the reminders ended ${since}`;
    default: return null;
  }
}

/** Why its score is what it is, in words; an alert from before there were words has its largest contributions. */
function Reasons({ alert, patient }) {
  if (!alert.score) return null; // a condition: its sentence has named each part that held
  if (alert.explanation?.length > 0) {
    return html`<ul class="why" aria-label="Why">${alert.explanation.slice(0, REASONS_SHOWN).map((reason) =>
      html`<${Reason} key=${reason.about} reason=${reason} isRule=${patient.scores[alert.score]?.kind === "rule"} />`)}</ul>`;
  }
  const top = (alert.contributions ?? []).filter((part) => part.share !== 0).slice(0, REASONS_SHOWN);
  return top.length > 0 && html`<p class="why">${top.map((part, i) => html`${i > 0 && ", "}<span>${contribution(part)}</span>`)}</p>`;
}

/** "RR 26 +3": what pushed the score, and by how much. */
function contribution({ feature, value, share }) {
  const coded = ["Consciousness", "Oxygen", "FiO2"].includes(feature);
  const shown = value === null || coded ? valueText(feature, value, "") : Number(value.toPrecision(3));
  const push = `${share >= 0 ? "+" : "−"}${Math.abs(Number(share.toPrecision(2)))}`;
  return html`${label(feature)} ${shown} <b>${push}</b>`;
}
