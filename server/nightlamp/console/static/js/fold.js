// Something folded away, made only once somebody unfolds it.
import { Component, html } from "./view.js";

export class Fold extends Component {
  state = { open: false };

  render({ summary, className, draw }, { open }) {
    return html`<details class=${className} onToggle=${(event) => event.target === event.currentTarget && this.setState({ open: event.currentTarget.open })}>
      <summary>${summary}</summary>${open && draw()}</details>`;
  }
}
