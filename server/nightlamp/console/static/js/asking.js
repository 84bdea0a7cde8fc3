// A part of a page that asks the server now and then while it is in sight, and says in words that no answer came.
import { wordsOf } from "./api.js";
import { clockTime, serverNow } from "./clock.js";
import { Component, html } from "./view.js";

/** A subclass gives `EVERY_MS` and `ask()`, whose answer becomes state beside `failed` and `readMs`, the time of the last answer. */
export class Asking extends Component {
  state = { failed: null, readMs: null };

  componentDidMount() {
    this.read();
    this.timer = setInterval(() => !document.hidden && this.read(), this.constructor.EVERY_MS);
  }

  componentWillUnmount() {
    clearInterval(this.timer);
  }

  async read() {
    try {
      this.setState({ ...(await this.ask()), failed: null, readMs: serverNow() });
    } catch (error) {
      // A server that has no such thing has no section of it.
      const absent = this.constructor.MAY_BE_ABSENT && error.status === 404;
      this.setState({ failed: absent ? null : wordsOf(error) });
    }
  }
}

/** That no answer came, and of when what is shown is. */
export function Unread({ failed, readMs }) {
  return failed && html`<p role="alert" class="note">${failed}${readMs && ` What is shown here is of ${clockTime(readMs)}.`}</p>`;
}
