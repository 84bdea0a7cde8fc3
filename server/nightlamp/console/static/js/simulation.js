// The last simulation of a policy: what another one would have opened on recorded time, beside the one in force.
import { get } from "./api.js";
import { Asking, Unread } from "./asking.js";
import { dayTime } from "./clock.js";
import { html } from "./view.js";

const GROUPS = [["severities", "Severity"], ["units", "Unit"], ["rules", "Rule"]];

export class Simulation extends Asking {
  static EVERY_MS = 5_000;

  /** `offered`: to a role that may try policies, with a key for all units. */
  async ask() {
    if (!this.props.app.may("simulate")) return { offered: false };
    try {
      return { ...(await get("/v1/policy/simulation")), offered: true };
    } catch (error) {
      if (error.status === 403) return { offered: false };
      throw error;
    }
  }

  render(_, { running, last, offered, failed, readMs }) {
    if (!offered && !failed) return null;
    return html`<section class="card wide simulation"><h2>Tried on recorded time</h2><${Unread} failed=${failed} readMs=${readMs} />
      ${running && html`<p role="status" class="quiet">A policy is being tried: ${running.done.toLocaleString()} of ${running.total.toLocaleString()} frames.</p>`}
      ${offered && !running && !last && html`<p class="empty">No policy was tried yet: <code>nightlamp policy simulate FILE</code>.</p>`}
      ${last?.error && html`<p class="note">The one begun ${dayTime(Date.parse(last.began_at))} came to nothing: ${last.error}.</p>`}
      ${last?.result && html`<${Result} result=${last.result} by=${last.by} />`}</section>`;
  }
}

function Result({ result, by }) {
  const { source, outcome, current, candidate, difference } = result;
  return html`<p>Made ${dayTime(Date.parse(result.made_at))} by key ${by}: ${dayTime(Date.parse(source.from))} to ${dayTime(Date.parse(source.to))},
      ${source.patients.toLocaleString()} patients, ${source.patient_days.toFixed(1)} patient-days.
      An alert is right: ${outcome.what ?? outcome.why_not}.</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Two policies side by side"><table class="figures">
      <thead><tr><th scope="col">Alerts</th><th scope="colgroup" colspan="3">Policy then in force <small>${current.sha256.slice(0, 12)}…</small></th>
        <th scope="colgroup" colspan="3">Candidate <small>${candidate.sha256.slice(0, 12)}…</small></th></tr>
        <tr><th scope="col"></th>${[0, 1].map((key) => html`<th scope="col" key=${`n${key}`}>opened</th><th scope="col" key=${`r${key}`}>in 100 patient-days</th><th scope="col" key=${`p${key}`}>right</th>`)}</tr></thead>
      <tbody><${Row} label="All about patients" mine=${current.figures.all} theirs=${candidate.figures.all} />
        ${GROUPS.map(([group, word]) => names(current.figures[group], candidate.figures[group]).map((name) => html`<${Row} key=${group + name} label=${`${word} ${name || "(no bed)"}`}
          mine=${current.figures[group].find((one) => one.name === name)} theirs=${candidate.figures[group].find((one) => one.name === name)} />`))}</tbody></table></div>
    <div class="scroll" tabindex="0" role="region" aria-label="The difference"><table class="figures">
      <thead><tr><th scope="col">Cause</th><th scope="col">in both</th><th scope="col">only in force</th><th scope="col">only candidate</th></tr></thead>
      <tbody>${[difference.all, ...difference.causes].map((one) => html`<tr key=${one.cause}><th scope="row">${one.cause || "all"}</th>
        <td>${one.both.toLocaleString()}</td><td>${one.only_current.toLocaleString()}</td><td>${one.only_candidate.toLocaleString()}</td></tr>`)}</tbody></table></div>
    <p class="quiet">One alert: the same patient and cause, opened at most ${difference.tolerance_s / 60} min apart. Of those in both the candidate opens ${
      difference.earlier.toLocaleString()} earlier and ${difference.later.toLocaleString()} later${difference.shift_s ? html`; median ${(difference.shift_s[1] / 60).toFixed(1)} min` : ""}.</p>`;
}

function Row({ label, mine, theirs }) {
  const cells = [mine, theirs].flatMap((one) => [one?.alerts.toLocaleString(), one?.per_100_patient_days?.toFixed(1),
    one?.ppv === null || one === undefined ? undefined : `${(100 * one.ppv).toFixed(1)} %`]);
  return html`<tr><th scope="row">${label}</th>${cells.map((cell, at) => html`<td key=${at}>${cell ?? "–"}</td>`)}</tr>`;
}

const names = (mine, theirs) => [...new Set([...mine, ...theirs].map((one) => one.name))];
