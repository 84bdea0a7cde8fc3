// The alert policy in force, as people read it, who put it there and every change; its text below. Nothing can be changed here.
import { get } from "./api.js";
import { Asking, Unread } from "./asking.js";
import { Burden } from "./burden.js";
import { origin, PolicyChanges } from "./policy_changes.js";
import { duration, named, plain, sentence, TOLD } from "./policy_words.js";
import { SEVERITIES } from "./risk.js";
import { roleTitle } from "./session.js";
import { Shape } from "./shapes.js";
import { Simulation } from "./simulation.js";
import { html } from "./view.js";

export class PolicyPage extends Asking {
  static EVERY_MS = 5_000;

  async ask() {
    return { policy: await get("/v1/policy") };
  }

  render({ app }, { policy, failed, readMs }) {
    return html`<div class="tools"><h1>Alert policy</h1>${policy && html`<p class="quiet">${origin(policy)}, SHA-256 ${policy.sha256.slice(0, 12)}…</p>`}</div>
      <${Unread} failed=${failed} readMs=${readMs} />
      ${policy && policy.note && html`<p class="quiet">“${policy.note}”</p>`}
      ${policy && policy.notes.map((note) => html`<p key=${note} class="note">${note}</p>`)}
      ${policy && html`<${Rules} rules=${policy.content.rule ?? []} />
        <${Chains} chains=${policy.content.escalation ?? []} />
        <${Rest} content=${policy.content} />
        <${PolicyChanges} turn=${`${policy.sha256} ${policy.at}`} />
        <${Burden} />
        <${Simulation} app=${app} />
        <details class="card source"><summary>The text</summary><pre tabindex="0" role="region" aria-label="The policy's text">${policy.text}</pre></details>`}`;
  }
}

function Rules({ rules }) {
  return html`<section class="card"><h2>Rules</h2><ul class="rules">${rules.map((rule) => {
    const severity = SEVERITIES[rule.severity] ?? SEVERITIES.technical;
    const others = Object.entries(rule).filter(([name]) => !TOLD.has(name));
    return html`<li key=${rule.name} data-severity=${rule.severity}><p class="severity"><${Shape} name=${severity.shape} /> <b>${severity.word}</b></p>
      <div><h3>${rule.label ?? rule.score ?? rule.name} <small>${rule.name}</small></h3>
        <p>${sentence(rule)}</p>
        ${others.length > 0 && html`<${Facts} table=${Object.fromEntries(others)} />`}</div></li>`;
  })}</ul></section>`;
}

/** Tables that are neither rules nor chains, by name: storms, quiet hours, silence. */
function Rest({ content }) {
  return Object.entries(content).filter(([name]) => name !== "rule" && name !== "escalation").map(([name, table]) => html`
    <section class="card" key=${name}><h2>${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll("_", " ")}</h2>
      <${Facts} table=${table} /></section>`);
}

function Facts({ table }) {
  return html`<dl class="facts">${Object.entries(table).map(([key, value]) => html`<div key=${key}>
    <dt>${named(key)}</dt><dd>${plain(key, value)}</dd></div>`)}</dl>`;
}

function Chains({ chains }) {
  return chains.length > 0 && html`<section class="card"><h2>When nobody answers</h2><ul class="chains">${chains.map((chain, at) => html`<li key=${at}>
    <p><b>${SEVERITIES[chain.severity]?.word ?? chain.severity}</b>${chain.units?.length > 0 ? ` in ${chain.units.join(", ")}` : ""}</p>
    <ol>${(chain.steps ?? []).map((step) => html`<li key=${step.after_s}>after ${duration(step.after_s)} to <b>${roleTitle(step.to)}</b></li>`)}
      ${chain.repeat_s && html`<li>then again every ${duration(chain.repeat_s)}</li>`}${chain.expire_s && html`<li>until ${duration(chain.expire_s)} have passed</li>`}</ol></li>`)}</ul></section>`;
}
