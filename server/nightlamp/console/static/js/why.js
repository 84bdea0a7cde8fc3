// Why a score is what it is: reasons in words, and on demand everything the newest stored score was made from.
import { get, Refused, wordsOf } from "./api.js";
import { clockTime } from "./clock.js";
import { Component, html } from "./view.js";

/** A score is stored at least once a minute; look a little further back, for clocks that differ. */
const LOOK_BACK_MS = 10 * 60_000;

/** "sepsis" is "Sepsis risk". */
export function modelTitle(name) {
  return `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll("_", " ").replaceAll("-", " ")} risk`;
}

const SIGNS = { raises: "↑", lowers: "↓", neither: "·" };

/** One reason: which way it moves the score, the words, and of a rule the points. */
export function Reason({ reason, isRule }) {
  return html`<li data-direction=${reason.direction} data-missing=${reason.missing}>
    ${isRule
      ? reason.share > 0 && html`<b>+${reason.share}</b>`
      : html`<b aria-hidden="true">${SIGNS[reason.direction] ?? ""}</b>${reason.direction !== "neither" && html`<span class="unseen">${reason.direction} the risk: </span>`}`}
    <span>${reason.words}</span></li>`;
}

/** A button that asks the server why, and the answer below it. Asked once a press: the answer is of one stored score. */
export class Why extends Component {
  state = { open: false, answer: null, failed: null };

  async press() {
    if (this.state.open) return this.setState({ open: false });
    this.setState({ open: true, answer: null, failed: null });
    try {
      this.setState({ answer: await explain(this.props) });
    } catch (error) {
      this.setState({ failed: wordsOf(error) });
    }
  }

  render({ patient, model, label }, { open, answer, failed }) {
    const panel = `why-${model}-${patient}`;
    return html`<button type="button" aria-expanded=${open} aria-controls=${panel} aria-label="Why this ${label}"
        onClick=${() => this.press()}>Why</button>
      <div class="answer" id=${panel} role="status" hidden=${!open}>${open && (failed
        ? html`<p class="quiet">${failed}</p>`
        : answer ? html`<${Answer} answer=${answer} />` : html`<p class="quiet">Asking …</p>`)}</div>`;
  }
}

/** An explanation of the server: reasons, inputs with their ages, and what is missing. */
export function Answer({ answer }) {
  const missing = answer.inputs.filter((input) => input.value === null);
  const known = answer.inputs.filter((input) => input.value !== null);
  return html`<p>At <time datetime=${answer.scored_at}>${clockTime(Date.parse(answer.scored_at))}</time>, most important first:</p>
    <ol>${answer.reasons.map((reason) => html`<${Reason} key=${reason.about} reason=${reason} isRule=${false} />`)}</ol>
    <h3>Made from</h3>
    <ul class="inputs">${known.map((input) => html`<li key=${input.signal}>${input.words}</li>`)}</ul>
    ${missing.length > 0 && html`<h3>Missing</h3>
      <ul class="inputs missing">${missing.map((input) => html`<li key=${input.signal}>${input.words}</li>`)}</ul>`}
    <p class="quiet">${answer.model} ${answer.version}</p>`;
}

/** The explanation of the newest stored score at or before the one shown. Raises `Refused` with words for a person. */
export async function explain({ patient, model, atMs }) {
  const path = `/v1/patients/${encodeURIComponent(patient)}/scores`;
  const range = new URLSearchParams({
    model, limit: "1", from: new Date(atMs - LOOK_BACK_MS).toISOString(), to: new Date(atMs + 1000).toISOString(),
  });
  const [newest] = (await get(`${path}?${range}`)).items;
  if (!newest) throw new Refused("This score is not stored yet. Ask again in a moment.");
  return get(`${path}/${encodeURIComponent(newest.cursor)}/explanation`);
}
