// One patient. Redrawn only when a message about that patient came, or a second passed; never because a neighbour changed.
import { age, clockTime, serverNow } from "./clock.js";
import { alertRank, BANDS, SEVERITIES } from "./risk.js";
import { Past } from "./past.js";
import { Shape } from "./shapes.js";
import { itemsOf, label, title, valueText, VITALS } from "./signals.js";
import { Spark } from "./spark.js";
import { Component, html } from "./view.js";
import { modelTitle, Reason, Why } from "./why.js";

/** Reasons shown with an alert; all of them are behind "Why". */
const REASONS_SHOWN = 3;

export class Tile extends Component {
  componentDidMount() {
    this.unwatch = this.props.frames.watch(this.props.id, () => this.forceUpdate());
  }

  componentWillUnmount() {
    this.unwatch();
  }

  shouldComponentUpdate() {
    return false;
  }

  render({ ward, id }) {
    this.last = ward.patients.get(id) ?? this.last;
    const patient = this.last;
    const now = serverNow();
    const news2 = patient.scores.news2;
    const name = `place-${id}`;
    return html`<article class="tile" data-rank=${alertRank(patient)} data-patient=${id} tabindex="0" aria-labelledby=${name}>
      <header>
        <h2 id=${name}>${patient.bed
          ? html`<span class="bed"><span class="quiet">Bed</span> ${patient.bed}</span>`
          : html`<span class="bed">No bed</span>`}<span class="unit">${patient.unit}</span></h2>
        <${News2} score=${news2} />
      </header>
      <${Alerts} patient=${patient} now=${now} />
      <table class="vitals">
        <caption class="unseen">Vital signs</caption>
        <thead class="unseen"><tr><th>Signal</th><th>Course</th><th>Value</th><th>NEWS2 points</th><th>Age</th></tr></thead>
        <tbody>${VITALS.map((row) => html`<${Vital} key=${row.name} row=${row} patient=${patient} now=${now} />`)}</tbody>
      </table>
      <${State} patient=${patient} now=${now} />
      <footer>
        ${riskNames(patient).map((model) => html`<${Risk} key=${model} name=${model} patient=${patient} />`)}
        <${Parts} score=${news2} now=${now} />
        <${Past} id=${id} />
      </footer>
    </article>`;
  }
}

function News2({ score }) {
  if (!score || score.value === null) {
    return html`<p class="news2" data-band="unknown"><span class="number">–</span><span class="words"><b>No NEWS2</b><small>inputs missing</small></span></p>`;
  }
  const band = BANDS[score.band] ?? BANDS[0];
  const partial = score.present < score.expected;
  return html`<p class="news2" data-band=${score.band}>
    <${Shape} name=${band.shape} />
    <span class="number">${score.value}</span>
    <span class="words"><b>${band.word}</b><small>NEWS2${partial && html` · <span class="partial">${score.present} of ${score.expected}</span>`}</small></span>
  </p>`;
}

function Alerts({ patient, now }) {
  const { alerts } = patient;
  if (alerts.length === 0) return null;
  return html`<ul class="alerts" aria-label="Open alerts">${alerts.map((alert) => {
    const severity = SEVERITIES[alert.severity] ?? SEVERITIES.low;
    return html`<li key=${alert.id} data-severity=${alert.severity}>
      <${Shape} name=${severity.shape} />
      <div>
        <p><b>${severity.word}</b> ${alert.reason}</p>
        <${Reasons} alert=${alert} patient=${patient} />
      </div>
      <time datetime=${new Date(alert.at_ms).toISOString()} title="open since ${clockTime(alert.at_ms)}">${age(now - alert.at_ms)}</time>
    </li>`;
  })}</ul>`;
}

/** Why it opened, in words; an alert from before there were words has its largest contributions. */
function Reasons({ alert, patient }) {
  if (alert.explanation?.length > 0) {
    return html`<ul class="why" aria-label="Why">${alert.explanation.slice(0, REASONS_SHOWN).map((reason) =>
      html`<${Reason} key=${reason.about} reason=${reason} isRule=${patient.scores[alert.score]?.kind === "rule"} />`)}</ul>`;
  }
  const top = alert.contributions.filter((part) => part.share !== 0).slice(0, REASONS_SHOWN);
  return top.length > 0 && html`<p class="why">${top.map((part, i) => html`${i > 0 && ", "}<span>${contribution(part)}</span>`)}</p>`;
}

/** "RR 26 +3": what pushed the score, and by how much. */
function contribution({ feature, value, share }) {
  const coded = ["Consciousness", "Oxygen", "FiO2"].includes(feature);
  const shown = value === null || coded ? valueText(feature, value, "") : Number(value.toPrecision(3));
  const push = `${share >= 0 ? "+" : "−"}${Math.abs(Number(share.toPrecision(2)))}`;
  return html`${label(feature)} ${shown} <b>${push}</b>`;
}

function Vital({ row, patient, now }) {
  const vital = patient.vitals[row.name];
  const points = patient.scores.news2?.items.find((item) => item.name === row.name)?.points ?? 0;
  if (!vital) {
    return html`<tr class="missing"><th scope="row" title=${row.title}>${row.label}</th><td></td><td class="value">missing</td><td></td><td></td></tr>`;
  }
  const quietMs = now - vital.at_ms;
  const second = row.second && patient.vitals[row.second];
  return html`<tr class=${quietMs > row.staleMs ? "stale" : ""} data-points=${points}>
    <th scope="row" title=${row.title}>${row.label}</th>
    <td><${Spark} series=${patient.spark[row.name]} range=${row.range} /></td>
    <td class="value"><b>${vital.value.toFixed(row.digits)}${second ? `/${second.value.toFixed(0)}` : ""}</b> <small>${row.unit}</small></td>
    <td class="points">${points > 0 && html`<span title="${points} NEWS2 points">+${points}</span>`}</td>
    <td class="age">${age(quietMs)}${quietMs > row.staleMs && " old"}</td>
  </tr>`;
}

/** Consciousness and oxygen, the two inputs of NEWS2 that are no numbers. */
function State({ patient, now }) {
  const score = patient.scores.news2;
  if (!score) return null;
  const shown = itemsOf(score).filter(({ name }) => ["Consciousness", "GCS", "Oxygen", "FiO2"].includes(name));
  return html`<ul class="state" aria-label="Consciousness and oxygen">${shown.map((item) => {
    const vital = patient.vitals[item.name];
    const value = vital?.value ?? item.value;
    return html`<li key=${item.name} data-points=${item.points ?? 0}>${title(item.name)}${" "}
      <b class=${value === null ? "quiet" : ""}>${valueText(item.name, value, item.unit)}</b>
      ${item.points > 0 && html`<span class="points"><span title="${item.points} NEWS2 points">+${item.points}</span></span>`}
      ${vital && html`<small>${age(now - vital.at_ms)}</small>`}</li>`;
  })}</ul>`;
}

/** The models that have scored the patient, sepsis always first. */
function riskNames(patient) {
  const models = Object.keys(patient.scores).filter((name) => patient.scores[name].kind === "model" && name !== "sepsis");
  return ["sepsis", ...models.sort()];
}

function Risk({ name, patient }) {
  const score = patient.scores[name];
  const label = modelTitle(name);
  if (!score || score.value === null) return html`<p class="risk ${name}"><span>${label}</span><b class="quiet">not scorable</b></p>`;
  const percent = score.value * 100;
  const text = percent < 1 ? "< 1 %" : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
  return html`<div class="risk ${name}"><span>${label}</span>
    <svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="6" rx="3" /><rect class="fill" width=${Math.max(1.5, percent)} height="6" rx="3" /></svg>
    <b>${text}</b>
    <${Why} patient=${patient.patient} model=${name} label=${label} atMs=${score.at_ms} /></div>`;
}

function Parts({ score, now }) {
  if (!score || score.items.length === 0) return null;
  return html`<details>
    <summary>NEWS2 by item</summary>
    <table><thead><tr><th>Item</th><th>Value</th><th>Points</th><th>Age</th></tr></thead>
    <tbody>${itemsOf(score).map((item) => html`<tr key=${item.name} class=${item.value === null ? "missing" : ""}>
      <th scope="row">${title(item.name)}</th><td>${valueText(item.name, item.value, item.unit)}</td>
      <td>${item.points ?? "–"}</td>
      <td>${item.age_s === null ? "–" : age(now - score.at_ms + item.age_s * 1000)}</td>
    </tr>`)}</tbody></table>
  </details>`;
}
