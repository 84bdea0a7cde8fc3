// The reasons for a score that stay on the page: asked again when the score is a minute newer.
import { wordsOf } from "./api.js";
import { Component, html } from "./view.js";
import { Answer, explain } from "./why.js";

const AGAIN_MS = 60_000;

export class Reasons extends Component {
  state = { answer: null, failed: null };

  componentDidMount() {
    this.ask();
  }

  componentDidUpdate() {
    if (this.props.atMs - this.askedMs > AGAIN_MS) this.ask();
  }

  async ask() {
    this.askedMs = this.props.atMs;
    try {
      this.setState({ answer: await explain(this.props), failed: null });
    } catch (error) {
      this.setState({ failed: wordsOf(error) });
    }
  }

  render({ model }, { answer, failed }) {
    return html`<div class="answer" data-model=${model}>${answer
      ? html`<${Answer} answer=${answer} />`
      : failed ? html`<p class="quiet">${failed} <button type="button" onClick=${() => this.ask()}>Ask again</button></p>`
        : html`<p class="quiet">Asking …</p>`}</div>`;
  }
}
