// A part of a page that asks the server now and then while it is in sight, and says in words that no answer came.
import { wordsOf } from "./api.js";
import { Component } from "./view.js";

/** A subclass gives `EVERY_MS` and `ask()`, whose answer becomes state beside `failed`. */
export class Asking extends Component {
  state = { failed: null };

  componentDidMount() {
    this.read();
    this.timer = setInterval(() => !document.hidden && this.read(), this.constructor.EVERY_MS);
  }

  componentWillUnmount() {
    clearInterval(this.timer);
  }

  async read() {
    try {
      this.setState({ ...(await this.ask()), failed: null });
    } catch (error) {
      // A server that has no such thing has no section of it.
      const absent = this.constructor.MAY_BE_ABSENT && error.status === 404;
      this.setState({ failed: absent ? null : wordsOf(error) });
    }
  }
}
