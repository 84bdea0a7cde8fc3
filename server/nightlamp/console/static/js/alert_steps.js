// The steps of an alert's life, as the server's list has them: read again when the stream has told one.
import { get } from "./api.js";
import { Asking } from "./asking.js";
import { catchUp } from "./catch_up.js";
import { dayTime } from "./clock.js";
import { roleTitle } from "./session.js";
import { html } from "./view.js";

/** Of an opening that a storm cap or quiet hours held back. Which of the two it was is not recorded. */
export const HELD = "nobody was notified (storm or quiet hours)";

/** The key of who did something, for who may see names: two of a shift have the same role. */
export function Key({ by, named }) {
  return named && by ? html` <small class="key">key ${by}</small>` : null;
}

/** Asks again at once, and a little later, when the stream has told a step: `turn` differs then. */
export class FollowingSteps extends Asking {
  static EVERY_MS = 15_000;

  componentDidUpdate(before) {
    if (before.turn === this.props.turn) return;
    this.caughtUp?.();
    this.caughtUp = catchUp(() => this.read());
  }

  componentWillUnmount() {
    super.componentWillUnmount();
    this.caughtUp?.();
  }
}

/** All steps of one alert, by its id. */
export class AlertSteps extends FollowingSteps {
  async ask() {
    return { alert: await get(`/v1/alerts/${this.props.id}`) };
  }

  render({ named }, { alert, failed }) {
    if (failed) return html`<p class="quiet">${failed}</p>`;
    return alert ? html`<${StepList} alert=${alert} named=${named} />` : html`<p class="quiet">Asking …</p>`;
  }
}

export function StepList({ alert, named }) {
  return html`<ul class="steps">
    ${alert.history_cut && html`<li class="quiet">Older steps are left out.</li>`}
    ${alert.history.map((step) => html`<li key=${`${step.seq}.${step.ordinal}`}>
      <time>${dayTime(Date.parse(step.at))}</time> ${stepWords(step)}<${Key} by=${step.by} named=${named} /></li>`)}</ul>`;
}

function stepWords({ kind, role, to, note, unit, bed, held }) {
  if (kind === "moved") return `moved with the patient to ${unit ? `${unit} bed ${bed}` : "no bed"}`;
  const by = role ? ` by ${roleTitle(role).toLowerCase()}` : "";
  const toWhom = to ? ` to ${roleTitle(to).toLowerCase()}` : "";
  return `${kind}${toWhom}${by}${note ? `: ${note}` : ""}${held ? `; ${HELD}` : ""}`;
}
