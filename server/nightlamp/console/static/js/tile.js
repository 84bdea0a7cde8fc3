// One patient as a tile of the board.
import { Alerts } from "./alert.js";
import { age, serverNow } from "./clock.js";
import { Past } from "./past.js";
import { aboutOf } from "./people.js";
import { Fold } from "./fold.js";
import { alertRank } from "./risk.js";
import { addressOf } from "./route.js";
import { sameSeries, Same } from "./same.js";
import { ageOfScore, Arrow, Meter, News2, PartsTable, riskNames, riskText, signOfNews2, signOfScore } from "./scores.js";
import { itemsOf, title, valueText, VITALS } from "./signals.js";
import { Spark } from "./spark.js";
import { trend } from "./trend.js";
import { Component, html } from "./view.js";
import { Watching } from "./watching.js";
import { modelTitle, Why } from "./why.js";

/** A bed with a longer name is written smaller. */
const LONG_BED = 7;

export class Tile extends Watching {
  render({ app, id }) {
    this.last = app.ward.patients.get(id) ?? this.last;
    const patient = this.last;
    const now = serverNow();
    const { news2 } = patient.scores;
    const seen = app.ward.course.get(id);
    const name = `place-${id}`;
    return html`<article ref=${this.outermost} class="tile" data-rank=${alertRank(patient)} data-patient=${id} tabindex="0" aria-labelledby=${name}>
      <header>
        <h2 id=${name}><a href=${addressOf(id)}>${patient.bed
          ? html`<span class="bed" data-long=${patient.bed.length > LONG_BED}><span class="quiet">Bed</span> ${patient.bed}</span>`
          : html`<span class="bed">No bed</span>`}</a><span class="unit">${patient.unit}</span></h2>
        <${Same} sign=${signOfNews2(news2, seen, now)} draw=${() => html`<${News2} score=${news2} seen=${seen} now=${now} />`} />
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
        ${riskNames(patient).map((model) => {
          const aged = ageOfScore(model, patient.scores[model], now);
          return html`<${Same} key=${model} sign=${`${signOfScore(patient.scores[model])} ${aged.words} ${aged.old}`} draw=${() => html`<${Risk} name=${model} patient=${patient} aged=${aged} />`} />`;
        })}
        ${news2?.items.length > 0 && html`<${Fold} summary="NEWS2 by item" draw=${() => html`<${PartsTable} score=${news2} now=${now} />`} />`}
        <${Past} id=${id} />
      </footer>
    </article>`;
  }
}

function Name({ app, id }) {
  const { text, masked } = app.people.nameOf(id);
  return html`<p class="name" data-masked=${masked}><span>${text}</span> <small>${aboutOf(app.people.known.get(id))}</small></p>`;
}

class Vital extends Component {
  shouldComponentUpdate(next) {
    const name = next.row.name;
    return signOf(next) !== this.sign || !sameSeries(next.patient.spark[name], this.props.patient.spark[name]);
  }

  render(props) {
    const { row, patient, now } = props;
    this.sign = signOf(props);
    const vital = patient.vitals[row.name];
    if (!vital) {
      return html`<tr class="missing"><th scope="row" title=${row.title}>${row.label}</th><td></td><td class="value">missing</td><td></td><td></td></tr>`;
    }
    const points = pointsOf(patient, row.name);
    const quietMs = now - vital.at_ms;
    const old = quietMs > row.staleMs;
    const second = row.second && patient.vitals[row.second];
    return html`<tr class=${old ? "stale" : ""} data-points=${points}>
      <th scope="row" title=${row.title}>${row.label}</th>
      <td><${Spark} series=${patient.spark[row.name]} range=${row.range} /></td>
      <td class="value"><b>${vital.value.toFixed(row.digits)}${second ? `/${second.value.toFixed(0)}` : ""}</b>${!old && html`<${Arrow} way=${trend(row.name, patient.spark[row.name], now)} />`} <small>${row.unit}</small></td>
      <td class="points">${points > 0 && html`<span title="${points} NEWS2 points">+${points}</span>`}</td>
      <td class="age">${age(quietMs)}${old && " old"}</td>
    </tr>`;
  }
}

/** All a row shows, but its sparkline. */
function signOf({ row, patient, now }) {
  const vital = patient.vitals[row.name];
  if (!vital) return "missing";
  const second = row.second && patient.vitals[row.second];
  const quietMs = now - vital.at_ms;
  return `${vital.value} ${second?.value} ${pointsOf(patient, row.name)} ${age(quietMs)} ${quietMs > row.staleMs}`;
}

function pointsOf(patient, name) {
  return patient.scores.news2?.items.find((item) => item.name === name)?.points ?? 0;
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

function Risk({ name, patient, aged }) {
  const score = patient.scores[name];
  const label = modelTitle(name);
  if (!score || score.value === null) return html`<p class="risk ${name}"><span>${label}</span><b class="quiet">not scorable</b></p>`;
  return html`<div class="risk ${name}" data-old=${aged.old}><span class="of">${label}</span>
    <${Meter} value=${score.value} />
    <b>${riskText(score.value)}</b>${aged.words && html`<small class="age">${aged.words}</small>`}
    <${Why} patient=${patient.patient} model=${name} label=${label} atMs=${score.at_ms} /></div>`;
}
