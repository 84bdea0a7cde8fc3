// A slider over the time shown: the patient as known then, computed by the server from its journal, shown apart from the present.
// What is chosen is a time (`atMs`, of the course; null is now), not a place on the slider: the time shown moves on beneath it.
import { get, wordsOf } from "./api.js";
import { dayTime } from "./clock.js";
import { Then } from "./past.js";
import { Component, html } from "./view.js";

const STEPS = 240;

export class AsItWas extends Component {
  /** `answer`: to the question asked last, of its time `atMs`: {atMs, told, failed}, neither while it is awaited. */
  state = { answer: null };

  move(step) {
    const { fromMs, toMs } = this.props;
    this.atMs = step >= STEPS ? null : Math.round(fromMs + (step / STEPS) * (toMs - fromMs));
    this.props.onTime(this.atMs);
  }

  async ask() {
    const { atMs } = this;
    if (atMs === null) return;
    const asked = (this.asked = { atMs });
    this.setState({ answer: asked });
    const answer = { atMs };
    try {
      answer.told = await get(`/v1/patients/${this.props.id}/as-of?at=${new Date(atMs).toISOString()}`);
    } catch (error) {
      answer.failed = wordsOf(error);
    }
    if (this.asked === asked) this.setState({ answer });
  }

  /** Where the time lies on the slider as it is now. */
  stepOf(atMs) {
    const { fromMs, toMs } = this.props;
    return atMs === null ? STEPS : Math.min(STEPS - 1, Math.max(0, Math.round((STEPS * (atMs - fromMs)) / (toMs - fromMs))));
  }

  render({ id, atMs }, { answer }) {
    const words = atMs === null ? "now" : dayTime(atMs);
    const of = atMs !== null && answer?.atMs === atMs ? answer : null;
    return html`<div class="slider"><label for="slider-${id}">As it was at <b>${words}</b></label>
        <input id="slider-${id}" type="range" min="0" max=${STEPS} value=${this.stepOf(atMs)} aria-valuetext=${words}
          onInput=${(event) => this.move(Number(event.target.value))} onChange=${() => this.ask()} />
        ${atMs !== null && html`<button type="button" onClick=${() => this.move(STEPS)}>Back to now</button>`}</div>
      ${of && !of.told && !of.failed && html`<p class="quiet">Reading the journal …</p>`}
      ${of?.failed && html`<p role="alert" class="note">${of.failed}</p>`}
      ${of?.told && html`<div class="then" role="region" aria-label="As it was"><${Then} told=${of.told} id=${id} /></div>`}`;
  }
}
