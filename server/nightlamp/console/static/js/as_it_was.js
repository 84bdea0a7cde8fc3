// A slider over the time shown: the patient as known then, computed by the server from its journal, shown apart from the present.
import { get, wordsOf } from "./api.js";
import { dayTime } from "./clock.js";
import { Then } from "./past.js";
import { Component, html } from "./view.js";

const STEPS = 240;

export class AsItWas extends Component {
  state = { step: STEPS, told: null, failed: null, busy: false };

  timeOf(step) {
    const { fromMs, toMs } = this.props;
    return fromMs + (step / STEPS) * (toMs - fromMs);
  }

  move(step) {
    const here = step >= STEPS ? null : this.timeOf(step);
    this.setState({ step, told: null, failed: null });
    this.props.onTime(here);
  }

  async ask(step) {
    if (step >= STEPS) return;
    const asked = (this.asked = {});
    this.setState({ busy: true });
    try {
      const told = await get(`/v1/patients/${this.props.id}/as-of?at=${new Date(this.timeOf(step)).toISOString()}`);
      if (this.asked === asked) this.setState({ told, busy: false });
    } catch (error) {
      if (this.asked === asked) this.setState({ failed: wordsOf(error), busy: false });
    }
  }

  render({ id }, { step, told, failed, busy }) {
    const now = step >= STEPS;
    const words = now ? "now" : dayTime(this.timeOf(step));
    return html`<div class="slider"><label for="slider-${id}">As it was at <b>${words}</b></label>
        <input id="slider-${id}" type="range" min="0" max=${STEPS} value=${step} aria-valuetext=${words}
          onInput=${(event) => this.move(Number(event.target.value))} onChange=${(event) => this.ask(Number(event.target.value))} />
        ${!now && html`<button type="button" onClick=${() => this.move(STEPS)}>Back to now</button>`}</div>
      ${busy && html`<p class="quiet">Reading the journal …</p>`}
      ${failed && html`<p role="alert" class="note">${failed}</p>`}
      ${told && html`<div class="then" role="region" aria-label="As it was"><${Then} told=${told} id=${id} /></div>`}`;
  }
}
