// How the server fares: stages, feeds, lags, dead letters, models. Asked every two seconds while the page is shown.
import { get } from "./api.js";
import { Asking } from "./asking.js";
import { Burden } from "./burden.js";
import { Channels } from "./channels.js";
import { age, setServerTime } from "./clock.js";
import { DeadLetters } from "./dead_letters.js";
import { Models } from "./models.js";
import { Shape } from "./shapes.js";
import { Technical } from "./technical.js";
import { html } from "./view.js";

/** A feed that has said nothing for so long is marked: monitors speak every second, an EHR every few minutes. */
const QUIET_MS = { mqtt: 10_000, other: 600_000 };

const STATES = {
  ok: { word: "Works", shape: "check" },
  degraded: { word: "Look", shape: "triangle" },
  down: { word: "Down", shape: "octagon" },
};

export class Operations extends Asking {
  static EVERY_MS = 2000;

  async ask() {
    const told = await get("/v1/operations");
    setServerTime(told.at_ms);
    return { told };
  }

  render({ app }, { told, failed }) {
    return html`<div class="tools"><h1>Operations</h1>${told && html`<p class="quiet">nightlamp ${told.version}</p>`}</div>
      ${failed && html`<p role="alert" class="note">${failed}</p>`}
      ${told && html`<div class="grid">
        <${Stages} stages=${told.stages} /><${Feeds} feeds=${told.feeds} nowMs=${told.at_ms} /><${Senders} senders=${told.senders} nowMs=${told.at_ms} />
        <${Figures} figures=${told.figures} />
        <${Technical} app=${app} />
        <${Channels} />
        <${DeadLetters} app=${app} /><${Burden} /><${Models} /></div>`}`;
  }
}

function Stages({ stages }) {
  return html`<section class="card"><h2>Stages of the route</h2><ol class="stages">${stages.map((one) => {
    const state = STATES[one.state] ?? STATES.down;
    return html`<li key=${one.stage} data-state=${one.state}><${Shape} name=${state.shape} /><b>${state.word}</b>
      <span>${one.stage}</span><small>${one.reason}</small></li>`;
  })}</ol></section>`;
}

function Feeds({ feeds, nowMs }) {
  return html`<section class="card"><h2>Feeds</h2><div class="scroll" tabindex="0" role="region" aria-label="Feeds"><table class="figures">
    <thead><tr><th scope="col">Feed</th><th scope="col">Last message</th><th scope="col">Rate</th><th scope="col">Messages</th><th scope="col">Refused</th><th scope="col">Open</th></tr></thead>
    <tbody>${feeds.map((feed) => {
      const quietMs = feed.last_at_ms === null ? null : nowMs - feed.last_at_ms;
      const state = !feed.up ? "down" : quietMs === null ? "unused" : quietMs > (QUIET_MS[feed.name] ?? QUIET_MS.other) ? "quiet" : "ok";
      return html`<tr key=${feed.name} data-state=${state}><th scope="row"><${Shape} name=${FEED_SHAPES[state]} /> ${feed.title}</th>
        <td>${!feed.up ? "not connected" : quietMs === null ? "none since the start" : `${age(quietMs)} ago${state === "quiet" ? ", silent" : ""}`}</td>
        <td>${feed.rate_per_s === null ? "–" : `${rate(feed.rate_per_s)}`}</td><td>${feed.messages.toLocaleString()}</td>
        <td>${feed.refused.toLocaleString()}</td><td>${feed.connections ?? "–"}</td></tr>`;
    })}</tbody></table></div></section>`;
}

const DOORS = { hl7_http: "HL7 v2 over HTTP", json_http: "device JSON over HTTP", mqtt: "MQTT broker" };

/** Each sender whose silence the policy watches, those of before a restart too: behind one door a live one hides a dead one. */
function Senders({ senders, nowMs }) {
  return html`<section class="card"><h2>Senders</h2>
    ${senders.length === 0 ? html`<p class="quiet">No sender has been heard whose silence the policy watches.</p>` : html`
    <div class="scroll" tabindex="0" role="region" aria-label="Senders"><table class="figures">
    <thead><tr><th scope="col">Sender</th><th scope="col">Through</th><th scope="col">Last message</th></tr></thead>
    <tbody>${senders.map((one) => html`<tr key=${`${one.source} ${one.key}`} data-state=${one.silent ? "quiet" : "ok"}>
      <th scope="row"><${Shape} name=${FEED_SHAPES[one.silent ? "quiet" : "ok"]} /> ${one.source === "mqtt" ? one.key : `Key ${one.key}`}</th>
      <td>${DOORS[one.source]}</td><td>${age(nowMs - one.last_at_ms)} ago${one.silent ? ", silent" : ""}</td></tr>`)}</tbody></table></div>`}</section>`;
}

const sum = (rows) => Object.values(rows).reduce((all, some) => all + some, 0);

const FEED_SHAPES = { ok: "check", unused: "ring", quiet: "triangle", down: "octagon" };

function rate(perS) {
  if (perS === 0) return "0";
  return perS >= 1 ? `${perS.toFixed(perS < 10 ? 1 : 0)} /s` : `${(perS * 60).toFixed(1)} /min`;
}

function Figures({ figures }) {
  const { lag, journal, store } = figures;
  const rows = [
    ["Frames not scored yet", lag.frames.toLocaleString()], ["Oldest of them", `${lag.head_age_ms} ms`],
    ["Frames not stored yet", lag.frames_to_store.toLocaleString()], ["Batches waiting for PostgreSQL", store.batches_waiting],
    ["Failures of the store", store.failures], ["Rows stored", sum(store.rows).toLocaleString()],
    ["Journal", `${(100 * journal.bytes / journal.bytes_max).toFixed(1)} % of ${(journal.bytes_max / 2 ** 30).toFixed(1)} GiB`],
    ["Patients", figures.patients], ["Consoles", figures.consoles],
  ];
  return html`<section class="card"><h2>Lags and room</h2><dl class="facts">${rows.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>`;
}
