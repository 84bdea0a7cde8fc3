// The notification channels: which deliver, which fail, which are dead.
import { get } from "./api.js";
import { Asking } from "./asking.js";
import { age, serverNow } from "./clock.js";
import { Shape } from "./shapes.js";
import { html } from "./view.js";

const SHAPES = { ok: "check", unused: "ring", failing: "triangle", dead: "octagon" };
/** The states of feeds, whose colours these share. */
const LIKE = { ok: "ok", unused: "unused", failing: "quiet", dead: "down" };

export class Channels extends Asking {
  static EVERY_MS = 10_000;
  static MAY_BE_ABSENT = true;

  async ask() {
    return await get("/v1/notifications/channels");
  }

  render(_, { items, unreached, failed }) {
    if (!items && !failed) return null;
    return html`<section class="card"><h2>Notifications</h2>${failed && html`<p role="alert" class="note">${failed}</p>`}
      ${items?.length === 0 && html`<p class="quiet">No channel is set: alerts are told on this console and over Redis only.</p>`}
      ${items?.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label="Notification channels"><table class="figures">
        <thead><tr><th scope="col">Channel</th><th scope="col">State</th><th scope="col">Last delivered</th><th scope="col">Waiting</th></tr></thead>
        <tbody>${items.map((one) => html`<tr key=${one.name} data-state=${LIKE[one.state]}><th scope="row"><${Shape} name=${SHAPES[one.state]} /> ${one.name} <small>${one.service}</small></th>
          <td>${one.state}${one.error && html` <small>${one.error}</small>`}</td>
          <td>${one.delivered_at_ms === null ? "never" : `${age(serverNow() - one.delivered_at_ms)} ago`}</td><td>${one.waiting}</td></tr>`)}</tbody></table></div>`}
      ${items?.length > 0 && unreached.map((what) => html`<p key=${what} class="note">${what}</p>`)}</section>`;
  }
}
