// Who put which policy in force, when and why: the newest changes, as stored.
import { FollowingSteps } from "./alert_steps.js";
import { get } from "./api.js";
import { Unread } from "./asking.js";
import { dayTime } from "./clock.js";
import { html } from "./view.js";

/** Where the policy in force comes from, in words. */
export function origin({ source, by, at }) {
  const from = { default: "the one nightlamp carries", file: "the site's own file", api: `loaded by ${by}` }[source];
  return at === null ? from : `${from}, in force since ${dayTime(Date.parse(at))}`;
}

/** `turn` says which policy is in force. */
export class PolicyChanges extends FollowingSteps {
  static EVERY_MS = 60_000;

  async ask() {
    return { told: await get("/v1/policy/history?texts=false&limit=20") };
  }

  render(_, { told, failed, readMs }) {
    if (!failed && !told?.items.length) return null;
    return html`<section class="card wide"><h2>Changes</h2><${Unread} failed=${failed} readMs=${readMs} />
      ${told && html`<div class="scroll" tabindex="0" role="region" aria-label="Changes of the alert policy"><table class="figures">
        <thead><tr>${["When", "By", "Why", "SHA-256", "Frame"].map((head) => html`<th key=${head} scope="col">${head}</th>`)}</tr></thead>
        <tbody>${told.items.map((one) => html`<tr key=${one.seq}><th scope="row">${dayTime(Date.parse(one.at))}</th>
          <td>${one.by === "file" ? "the settings' file, at a start" : one.by}</td>
          <td>${one.refused ? html`not in force: ${one.refused}` : one.note || "–"}</td><td><code>${one.sha256.slice(0, 12)}…</code></td><td>${one.seq}</td></tr>`)}</tbody></table></div>`}</section>`;
  }
}
