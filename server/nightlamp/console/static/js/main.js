// From a token (or the cookie of an earlier sign-in) to the page.
import { App } from "./app.js";
import { isEnding, signIn, signOut, tokenFromAddress, whoAmI } from "./session.js";
import { SignIn } from "./signin.js";
import { recallTheme } from "./theme.js";
import { forgetUnit } from "./unit_filter.js";
import { html, render } from "./view.js";

const AGAIN_MS = 2000;
const root = document.getElementById("app");
let app = null;

function showSignIn(refused) {
  document.title = "Sign in · nightlamp";
  render(html`<${SignIn} refused=${refused} onToken=${(token) => enter(token)} />`, root);
}

function open(session) {
  render(null, root);
  app = new App(root, session, (next) => {
    app = null;
    if (next) open(next);
    else showSignIn(false);
  });
  app.open();
}

async function enter(token) {
  if (app) {
    app.close();
    render(null, root);
    app = null;
  }
  if (token === null && isEnding()) {
    signOut();
    return showSignIn(false);
  }
  let session = null;
  let left = token;
  try {
    if (token !== null && !(await signIn(token))) return showSignIn(true);
    if (token !== null) forgetUnit();
    left = null; // It was taken, and may be good no more.
    session = await whoAmI();
  } catch {
    render(html`<p class="empty" role="alert">The server does not answer. Trying again …</p>`, root);
    return setTimeout(() => enter(left), AGAIN_MS);
  }
  if (session === null) return showSignIn(token !== null);
  open(session);
}

recallTheme();
enter(tokenFromAddress());
addEventListener("hashchange", () => {
  const token = tokenFromAddress();
  if (token !== null) enter(token);
});
