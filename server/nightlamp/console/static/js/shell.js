// What stands around every page: bar, banners, what is read out, the lock.
import { Board } from "./board.js";
import { clockTime } from "./clock.js";
import { Operations } from "./operations.js";
import { Patient } from "./patient.js";
import { PolicyPage } from "./policy.js";
import { pagesFor } from "./route.js";
import { roleTitle } from "./session.js";
import { Shape } from "./shapes.js";
import { SignIn } from "./signin.js";
import { switchTheme } from "./theme.js";
import { html } from "./view.js";

const OLD_DATA_MS = 15_000;

export function Shell({ app }) {
  const { connection, place, session, locked } = app;
  return html`${locked && html`<div class="lock" key="lock">
      <${SignIn} locked=${locked.why} refused=${locked.refused} onToken=${(token) => app.unlock(token)} onLeave=${() => app.leave()} /></div>`}
    <div key="page" class="shell" hidden=${locked !== null} inert=${locked !== null}>
      <a class="skip" href="#content" onClick=${skip}>Skip to the content</a>
      <header class="bar">
        <p class="brand"><img src="lamp.svg" alt="" width="28" height="28" /><span>nightlamp</span></p>
        <nav aria-label="Pages"><ul>${pagesFor(session.permissions).map((one) => html`<li key=${one.page}>
          <a href=${one.address} aria-current=${one.page === place.page ? "page" : null}>${one.title}</a></li>`)}</ul></nav>
        <${Light} connection=${connection} />
        ${app.may("read") && html`<${SoundButton} sound=${app.sound} />`}
        <button type="button" onClick=${switchTheme}>Theme</button>
        <p class="who" title=${session.units ? `Units: ${session.units.join(", ")}` : "All units"}>${roleTitle(session.role)}</p>
        <button type="button" onClick=${() => app.lock("asked")}>Lock</button>
        <button type="button" onClick=${() => app.leave()}>Sign out</button>
      </header>
      <${Recording} connection=${connection} />
      <${Banner} connection=${connection} />
      <p class="unseen" role="status" aria-live="polite">${app.announced}</p>
      <main id=${place.page === "board" ? "board" : "content"} class=${connection.live ? "" : "silent"} tabindex="-1">
        <${Page} app=${app} place=${place} />
      </main>
      <footer class="foot">Research software, not a medical device.</footer>
    </div>`;
}

function skip(event) {
  event.preventDefault();
  document.querySelector("main").focus();
}

function Page({ app, place }) {
  switch (place.page) {
    case "board": return html`<${Board} app=${app} />`;
    case "patient": return html`<${Patient} key=${place.id} app=${app} id=${place.id} />`;
    case "operations": return html`<${Operations} app=${app} />`;
    case "policy": return html`<${PolicyPage} app=${app} />`;
    default: return html`<p class="empty">This role has no page here.</p>`;
  }
}

function Light({ connection }) {
  return html`<p class="light" data-live=${connection.live}>
    <span class="bulb" aria-hidden="true"></span>${connection.live ? "Live" : "Not live"}
    <time>${connection.live ? clockTime(connection.nowMs) : ""}</time></p>`;
}

const SOUNDS = {
  on: { words: "Sound on", shape: "bell" },
  muted: { words: "Muted", shape: "bellOff" },
  blocked: { words: "Sound waits for a touch", shape: "bellOff" },
};

function SoundButton({ sound }) {
  const { words, shape } = SOUNDS[sound.state];
  return html`<button type="button" class="sound" data-state=${sound.state} title="Sound for high alerts"
    onClick=${() => sound.toggle()}><${Shape} name=${shape} /> ${words}</button>`;
}

function Banner({ connection }) {
  const { live, silentSinceMs, dataMs, nowMs, failed } = connection;
  if (!live && silentSinceMs !== null) {
    return html`<div class="banner" role="alert"><p><b>Server silent since ${clockTime(silentSinceMs)}.</b>${" "}
      <span>What is shown below is no longer current. Reconnecting by itself.</span></p></div>`;
  }
  if (!live && failed) {
    return html`<div class="banner" role="alert"><p><b>The server does not answer.</b> Trying again by itself.</p></div>`;
  }
  if (live && dataMs !== null && nowMs - dataMs > OLD_DATA_MS) {
    return html`<div class="banner" role="alert"><p><b>No new data since ${clockTime(dataMs)}.</b> The server answers, but nothing reaches it.</p></div>`;
  }
  return null;
}

/** Stands above everything as long as the server replays a recording: nobody may take it for the ward. */
function Recording({ connection }) {
  return connection.recorded && html`<div class="recording" role="note"><p><b>Replaying a recording.</b>${" "}
    This is not a live ward: times and ages are those of the recording.</p></div>`;
}
