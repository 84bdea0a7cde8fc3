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
    const asked = (this.asked = {});
    this.askedMs = this.props.atMs;
    try {
      const answer = await explain(this.props);
      if (this.asked === asked) this.setState({ answer, failed: null });
    } catch (error) {
      if (this.asked === asked) this.setState({ failed: wordsOf(error) });
    }
  }

  render({ model }, { answer, failed }) {
    const again = failed && html`<button type="button" onClick=${() => this.ask()}>Ask again</button>`;
    return html`<div class="answer" data-model=${model}>
      ${failed && (answer ? html`<p role="alert" class="note">These reasons are of an older score; they could not be read anew: ${failed} ${again}</p>`
        : html`<p class="quiet">${failed} ${again}</p>`)}
      ${answer ? html`<div class=${failed ? "old" : ""}><${Answer} answer=${answer} /></div>` : !failed && html`<p class="quiet">Asking …</p>`}</div>`;
  }
}
