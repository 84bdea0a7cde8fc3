// Where nobody is signed in, or the screen is locked: the token goes in here, if it did not come with the address.
import { Component, html } from "./view.js";

const REFUSALS = {
  true: "This token is unknown, used or too old. Ask for a new one.",
  unreachable: "The server does not answer. Try again in a moment.",
  taken: "The token was taken, but the server does not answer. Trying again by itself.",
};

const LOCKED = {
  idle: "Locked, because nobody touched this screen for a while.",
  asked: "",
  over: "Your session is over.",
};

/** `locked`: why the screen is locked, where it is; `onLeave` then drops what was kept. */
export class SignIn extends Component {
  render({ refused, locked, onToken, onLeave }) {
    const submit = (event) => {
      event.preventDefault();
      const field = event.currentTarget.elements.token;
      const token = field.value.trim();
      if (token) onToken(token);
      field.value = "";
    };
    return html`<main class="signin">
      <img src="lamp.svg" alt="" width="56" height="56" />
      <h1>${locked ? "Locked" : "nightlamp"}</h1>
      ${locked
        ? html`<p>${LOCKED[locked]} What was shown is kept for whoever signs in with the same key.${" "}
            <b>No alert is shown or heard here meanwhile.</b></p>`
        : html`<p>Sign in with your own key, or with the one-time token that the server has printed or an administrator gave you.</p>`}
      <form onSubmit=${submit}>
        <label for="token">Token or key</label>
        <input id="token" name="token" type="password" autocomplete="off" required autofocus aria-describedby="refusal"
          ref=${(field) => { if (field && !this.placed) { this.placed = true; field.focus(); } }} />
        <p id="refusal" role="alert">${refused && (REFUSALS[refused] ?? REFUSALS.true)}</p>
        <button type="submit">${locked ? "Unlock" : "Sign in"}</button>
        ${locked && html`<button type="button" class="plain" onClick=${onLeave}>Somebody else signs in</button>`}
      </form>
      <p class="foot">Research software, not a medical device.</p>
    </main>`;
  }
}
