// One patient: now on the left, the course on one time axis, why, the alerts, and how it was at any time.
import { get, wordsOf } from "./api.js";
import { Alerts } from "./alert.js";
import { AlertHistory } from "./alert_history.js";
import { age, serverNow } from "./clock.js";
import { Course } from "./course_view.js";
import { aboutOf, nameOf } from "./people.js";
import { ageOfScore, Arrow, Meter, News2, PartsTable, riskNames, riskText } from "./scores.js";
import { unitText, valueText, VITALS } from "./signals.js";
import { trend } from "./trend.js";
import { Component, html } from "./view.js";
import { Reasons } from "./reasons.js";
import { modelTitle } from "./why.js";

const AGAIN_MS = 60_000;

export class Patient extends Component {
  state = { person: null, failed: null };

  componentDidMount() {
    this.unwatch = this.props.app.frames.watch(this.props.id, () => this.forceUpdate());
    this.read();
    this.timer = setInterval(() => this.read(), AGAIN_MS);
  }

  componentWillUnmount() {
    this.unwatch();
    clearInterval(this.timer);
  }

  async read() {
    try {
      this.setState({ person: await get(`/v1/patients/${this.props.id}`), failed: null });
    } catch (error) {
      this.setState({ failed: wordsOf(error) });
    }
  }

  render({ app, id }, { person, failed }) {
    const patient = app.ward.patients.get(id);
    const now = serverNow();
    const name = nameOf(person, id);
    const turn = turnOf(patient);
    return html`<nav class="back" aria-label="Back"><a href="#/">← Ward board</a></nav>
      <header class="person">
        <h1>${patient?.bed || person?.bed ? html`<span class="quiet">Bed</span> ${patient?.bed ?? person.bed}` : "No bed"} <span class="unit">${patient?.unit ?? person?.unit ?? ""}</span></h1>
        <p class="name" data-masked=${name.masked}><b>${name.text}</b> ${aboutOf(person)}</p>
        <${Identity} person=${person} />
        ${patient && html`<${News2} score=${patient.scores.news2} seen=${app.ward.course.get(id)} now=${now} />`}
      </header>
      ${failed && !person && html`<p class="empty" role="alert">${failed}</p>`}
      ${person && !patient && app.ward.complete && html`<p class="note">This patient lies in no bed of this ward now. What is below is the record.</p>`}
      ${patient && html`<${Alerts} app=${app} patient=${patient} now=${now} />`}
      ${person && html`<div class="columns">
        <div class="main"><${Course} app=${app} id=${id} person=${person} turn=${turn} /><${AlertHistory} app=${app} id=${id} person=${person} turn=${turn} /></div>
        <div class="side">${patient && html`<${Now} patient=${patient} now=${now} />
          <section class="card"><h2>Why NEWS2</h2>${patient.scores.news2
            ? html`<${PartsTable} score=${patient.scores.news2} now=${now} />` : html`<p class="quiet">No NEWS2 yet: inputs missing.</p>`}</section>
`}</div>
        <div class="reasons">${patient && riskNames(patient).map((model) => html`<${Why} key=${model} model=${model} patient=${patient} now=${now} />`)}</div>
      </div>`}`;
  }
}

/** Differs once an alert came, went or was answered. */
function turnOf(patient) {
  return (patient?.alerts ?? []).map((alert) => `${alert.id} ${alert.state} ${alert.changed_ms}`).join();
}

function Identity({ person }) {
  if (!person) return null;
  const { identity } = person;
  return html`<dl class="identity">
    ${identity?.identifier && html`<div><dt>Record</dt><dd>${identity.identifier}</dd></div>`}
    ${identity?.birth_date && html`<div><dt>Born</dt><dd>${identity.birth_date}</dd></div>`}
    ${!identity && html`<div><dt>Identity</dt><dd>masked for this role</dd></div>`}
    ${person.admitted_at && html`<div><dt>Admitted</dt><dd>${age(serverNow() - Date.parse(person.admitted_at))} ago</dd></div>`}</dl>`;
}

/** The last vitals, large. */
function Now({ patient, now }) {
  return html`<section class="card"><h2>Now</h2><dl class="now">${VITALS.map((row) => {
    const vital = patient.vitals[row.name];
    if (!vital) return html`<div key=${row.name} class="missing"><dt>${row.title}</dt><dd>missing</dd></div>`;
    const old = now - vital.at_ms > row.staleMs;
    const second = row.second && patient.vitals[row.second];
    return html`<div key=${row.name} class=${old ? "stale" : ""}><dt>${row.title}</dt>
      <dd><b>${vital.value.toFixed(row.digits)}${second ? `/${second.value.toFixed(0)}` : ""}</b> ${row.unit}
        ${!old && html`<${Arrow} way=${trend(row.name, patient.spark[row.name], now)} />`}<small>${age(now - vital.at_ms)}${old ? " old" : ""}</small></dd></div>`;
  })}${Object.entries(patient.vitals).filter(([name]) => !VITALS.some((row) => row.name === name || row.second === name)).map(([name, vital]) => html`
    <div key=${name} class="minor"><dt>${unitText.title(name)}</dt><dd>${valueText(name, vital.value, vital.unit)}<small>${age(now - vital.at_ms)}</small></dd></div>`)}</dl></section>`;
}

function Why({ model, patient, now }) {
  const score = patient.scores[model];
  const aged = ageOfScore(model, score, now);
  return html`<section class="card"><h2>${modelTitle(model)}</h2>
    ${!score || score.value === null
      ? html`<p class="quiet">Not scorable: too few inputs.</p>`
      : html`<div class="risk large" data-old=${aged.old}><${Meter} value=${score.value} /><b>${riskText(score.value)}</b>${aged.words && html`<small class="age">${aged.words}</small>`}</div>
        <${Reasons} patient=${patient.patient} model=${model} atMs=${score.at_ms} />`}</section>`;
}
