// One patient as a tile of the board.
import { Alerts } from "./alert.js";
import { age, serverNow } from "./clock.js";
import { Past } from "./past.js";
import { aboutOf } from "./people.js";
import { alertRank } from "./risk.js";
import { addressOf } from "./route.js";
import { Arrow, Meter, News2, PartsTable, riskNames, riskText } from "./scores.js";
import { itemsOf, title, valueText, VITALS } from "./signals.js";
import { Spark } from "./spark.js";
import { trend } from "./trend.js";
import { html } from "./view.js";
import { Watching } from "./watching.js";
import { modelTitle, Why } from "./why.js";

export class Tile extends Watching {
  render({ app, id }) {
    this.last = app.ward.patients.get(id) ?? this.last;
    const patient = this.last;
    const now = serverNow();
    const { news2 } = patient.scores;
    const name = `place-${id}`;
    return html`<article class="tile" data-rank=${alertRank(patient)} data-patient=${id} tabindex="0" aria-labelledby=${name}>
      <header>
        <h2 id=${name}><a href=${addressOf(id)}>${patient.bed
          ? html`<span class="bed"><span class="quiet">Bed</span> ${patient.bed}</span>`
          : html`<span class="bed">No bed</span>`}</a><span class="unit">${patient.unit}</span></h2>
        <${News2} score=${news2} seen=${app.ward.course.get(id)} />
      </header>
      <${Name} app=${app} id=${id} />
      <${Alerts} app=${app} patient=${patient} now=${now} brief=${true} />
      <table class="vitals">
        <caption class="unseen">Vital signs</caption>
        <thead class="unseen"><tr><th>Signal</th><th>Course</th><th>Value</th><th>NEWS2 points</th><th>Age</th></tr></thead>
        <tbody>${VITALS.map((row) => html`<${Vital} key=${row.name} row=${row} patient=${patient} now=${now} />`)}</tbody>
      </table>
      <${State} patient=${patient} now=${now} />
      <footer>
        ${riskNames(patient).map((model) => html`<${Risk} key=${model} name=${model} patient=${patient} />`)}
        ${news2?.items.length > 0 && html`<details><summary>NEWS2 by item</summary><${PartsTable} score=${news2} now=${now} /></details>`}
        <${Past} id=${id} />
      </footer>
    </article>`;
  }
}

function Name({ app, id }) {
  const { text, masked } = app.people.nameOf(id);
  return html`<p class="name" data-masked=${masked}><span>${text}</span> <small>${aboutOf(app.people.known.get(id))}</small></p>`;
}

function Vital({ row, patient, now }) {
  const vital = patient.vitals[row.name];
  const points = patient.scores.news2?.items.find((item) => item.name === row.name)?.points ?? 0;
  if (!vital) {
    return html`<tr class="missing"><th scope="row" title=${row.title}>${row.label}</th><td></td><td class="value">missing</td><td></td><td></td></tr>`;
  }
  const quietMs = now - vital.at_ms;
  const old = quietMs > row.staleMs;
  const second = row.second && patient.vitals[row.second];
  return html`<tr class=${old ? "stale" : ""} data-points=${points}>
    <th scope="row" title=${row.title}>${row.label}</th>
    <td><${Spark} series=${patient.spark[row.name]} range=${row.range} /></td>
    <td class="value"><b>${vital.value.toFixed(row.digits)}${second ? `/${second.value.toFixed(0)}` : ""}</b>${!old && html`<${Arrow} way=${trend(row.name, patient.spark[row.name])} />`} <small>${row.unit}</small></td>
    <td class="points">${points > 0 && html`<span title="${points} NEWS2 points">+${points}</span>`}</td>
    <td class="age">${age(quietMs)}${old && " old"}</td>
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

function Risk({ name, patient }) {
  const score = patient.scores[name];
  const label = modelTitle(name);
  if (!score || score.value === null) return html`<p class="risk ${name}"><span>${label}</span><b class="quiet">not scorable</b></p>`;
  return html`<div class="risk ${name}"><span class="of">${label}</span>
    <${Meter} value=${score.value} />
    <b>${riskText(score.value)}</b>
    <${Why} patient=${patient.patient} model=${name} label=${label} atMs=${score.at_ms} /></div>`;
}
