// The course of a stay: spans, panels on one time axis, what stands under the cursor, and the slider to a past time.
import { AlertLane } from "./alert_lane.js";
import { get, wordsOf } from "./api.js";
import { catchUp } from "./catch_up.js";
import { Chart } from "./chart.js";
import { dayTime, serverNow } from "./clock.js";
import { panelsOf, summary } from "./course.js";
import { AsItWas } from "./as_it_was.js";
import { unitText } from "./signals.js";
import { Span, SPANS, stayBegan } from "./span.js";
import { alertsBefore, keyOf, marksBetween } from "./stay_alerts.js";
import { Component, html } from "./view.js";

const POINTS_MAX = 600;
const FOLLOW_MS = 10_000;
const ALERTS_MS = 60_000;

export class Course extends Component {
  state = { history: null, panels: [], failed: null, under: null, atMs: null, listed: [], more: false, chosen: null };

  componentDidMount() {
    this.span = new Span();
    this.span.beganMs = stayBegan(this.props.person);
    this.read();
    this.readAlerts();
    this.timer = setInterval(() => this.span.follows && !document.hidden && this.read(), FOLLOW_MS);
    this.alertTimer = setInterval(() => !document.hidden && this.readAlerts(), ALERTS_MS);
  }

  /** The stream has told a step of an alert. */
  componentDidUpdate(before) {
    this.span.beganMs = stayBegan(this.props.person);
    if (before.turn === this.props.turn) return;
    this.caughtUp?.();
    this.caughtUp = catchUp(() => this.readAlerts());
  }

  componentWillUnmount() {
    clearInterval(this.timer);
    clearInterval(this.alertTimer);
    this.caughtUp?.();
    this.gone = true;
  }

  async read() {
    const { fromMs, toMs } = this.span.range();
    const asked = (this.asked = {});
    const points = Math.min(POINTS_MAX, Math.max(120, Math.round((this.box?.clientWidth ?? 800) / 2)));
    const range = new URLSearchParams({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), points });
    try {
      const history = await get(`/v1/patients/${this.props.id}/history?${range}`);
      if (this.gone || this.asked !== asked) return;
      this.setState({ history, panels: panelsOf(history, unitText.title, unitText.unit), failed: null });
    } catch (error) {
      if (!this.gone) this.setState({ failed: wordsOf(error) });
    }
  }

  /** Marks that are there stay until their successors have come. */
  async readAlerts() {
    const asked = (this.askedAlerts = {});
    try {
      const { alerts, more } = await alertsBefore(this.props.id, this.span.follows ? null : this.span.fixed.toMs);
      if (!this.gone && this.askedAlerts === asked) this.setState({ listed: alerts, more });
    } catch {
      // The history of alerts below says that no answer came.
    }
  }

  /** A span goes on with the present: the past that was looked at is left. */
  choose(span) {
    this.span.choose(span);
    this.setState({ atMs: null });
    this.turned();
  }

  zoom(fromMs, toMs) {
    this.span.stand(fromMs, toMs);
    const shown = this.span.range();
    if (this.state.atMs < shown.fromMs || this.state.atMs > shown.toMs) this.setState({ atMs: null });
    this.turned();
  }

  turned() {
    this.read();
    this.readAlerts();
    this.forceUpdate();
  }

  render({ app, id }, { history, panels, failed, under, atMs, listed, more, chosen }) {
    const fixed = this.span && !this.span.follows;
    const marks = history ? marksBetween(listed, app.ward.patients.get(id)?.alerts ?? [], history.from_ms, history.to_ms) : [];
    const marked = `${keyOf(marks)} ${chosen}`;
    const dense = panels.filter((panel) => !panel.lab);
    const labs = panels.filter((panel) => panel.lab);
    const draw = (panel) => html`<${Panel} key=${panel.title} panel=${panel} history=${history} under=${under} marks=${marks} marked=${marked} chosen=${chosen} atMs=${atMs}
      onCursor=${(index) => index !== this.state.under && this.setState({ under: index })} onZoom=${(from, to) => this.zoom(from, to)} />`;
    return html`<section class="card course" ref=${(box) => { this.box = box; }}>
      <div class="tools"><h2>Course</h2>
        <div class="choice" role="group" aria-label="Time shown">${SPANS.map((span) => html`<button key=${span.name} type="button"
          aria-pressed=${!fixed && this.span?.chosen === span} onClick=${() => this.choose(span)}>${span.name}</button>`)}</div>
        <p class="quiet" aria-live="off">${fixed ? `${dayTime(this.span.fixed.fromMs)} to ${dayTime(this.span.fixed.toMs)}` : "drag to zoom"}</p>
        <p class="under">${history && under !== null ? dayTime(history.from_ms + (under + 0.5) * (history.to_ms - history.from_ms) / history.points) : ""}</p>
      </div>
      ${failed && html`<p role="alert" class="note">${failed}</p>`}
      ${history && !history.extremes && html`<p class="note">So many values that each point is the last of its stretch: peaks between points are not drawn. Zoom in to see them.</p>`}
      ${history && panels.length === 0 && html`<p class="empty">Nothing was measured in this time.</p>`}
      ${history && html`<${AlertLane} marks=${marks} more=${more} fromMs=${history.from_ms} toMs=${history.to_ms} chosen=${chosen}
        onChoose=${(one) => one !== this.state.chosen && this.setState({ chosen: one })} onZoom=${(from, to) => this.zoom(from, to)} />`}
      <div class="panels">${dense.map(draw)}</div>
      ${labs.length > 0 && html`<h3>Laboratory and other values</h3><div class="panels labs">${labs.map(draw)}</div>`}
      ${history && html`<${AsItWas} id=${id} atMs=${atMs} fromMs=${history.from_ms} toMs=${Math.min(history.to_ms, serverNow())} onTime=${(ms) => this.setState({ atMs: ms })} />`}
    </section>`;
  }
}

function Panel({ panel, history, under, marks, marked, chosen, atMs, onCursor, onZoom }) {
  const digits = panel.digits ?? 0;
  const said = panel.lines.map(({ label, course }) => ({ label, is: summary(course), under: under === null ? null : course.last[under] }))
    .filter(({ is }) => is !== null);
  const words = said.map(({ label, is }) => `${label} from ${is.low.toFixed(digits)} to ${is.high.toFixed(digits)} ${panel.unit}, last ${is.last.toFixed(digits)}`);
  return html`<div class="panel">
    <p class="head"><b>${panel.title}</b> <small>${panel.unit}</small>
      <span>${said.map((line, i) => html`<span key=${line.label} class="key" data-line=${i}>${panel.lines.length > 1 && html`<i aria-hidden="true"></i>${line.label} `}
        <b>${(line.under ?? (under === null ? line.is.last : null))?.toFixed(digits) ?? "–"}</b></span>`)}</span></p>
    <${Chart} panel=${panel} history=${history} marks=${marks} marked=${marked} chosen=${chosen} atMs=${atMs} onCursor=${onCursor} onZoom=${onZoom}
      words=${`${panel.title}: ${words.join("; ")}`} /></div>`;
}
