// Where nobody is signed in: the token goes in here, if it did not come with the address.
import { Component, html } from "./view.js";

export class SignIn extends Component {
  render({ refused, onToken }) {
    const submit = (event) => {
      event.preventDefault();
      const token = event.currentTarget.elements.token.value.trim();
      if (token) onToken(token);
    };
    return html`<main class="signin">
      <img src="lamp.svg" alt="" width="56" height="56" />
      <h1>nightlamp</h1>
      <p>Sign in with the one-time token the server has printed, or that your administrator gave you.</p>
      <form onSubmit=${submit}>
        <label for="token">One-time token</label>
        <input id="token" name="token" type="password" autocomplete="off" required autofocus aria-describedby="refusal" />
        <p id="refusal" role="alert">${refused && "This token is unknown, used or too old. Ask for a new one."}</p>
        <button type="submit">Sign in</button>
      </form>
      <p class="foot">Research software, not a medical device.</p>
    </main>`;
  }
}
