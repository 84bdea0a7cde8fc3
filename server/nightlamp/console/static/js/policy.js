// The alert policy in force, as people read it, who put it there and every change; its text below. Nothing can be changed here.
import { get, wordsOf } from "./api.js";
import { Burden } from "./burden.js";
import { origin, PolicyChanges } from "./policy_changes.js";
import { SEVERITIES } from "./risk.js";
import { roleTitle } from "./session.js";
import { Shape } from "./shapes.js";
import { Simulation } from "./simulation.js";
import { label } from "./signals.js";
import { Component, html } from "./view.js";

export class PolicyPage extends Component {
  state = { policy: null, failed: null };

  async componentDidMount() {
    try {
      this.setState({ policy: await get("/v1/policy") });
    } catch (error) {
      this.setState({ failed: wordsOf(error) });
    }
  }

  render({ app }, { policy, failed }) {
    return html`<div class="tools"><h1>Alert policy</h1>${policy && html`<p class="quiet">${origin(policy)}, SHA-256 ${policy.sha256.slice(0, 12)}…</p>`}</div>
      ${failed && html`<p role="alert" class="note">${failed}</p>`}
      ${policy && policy.note && html`<p class="quiet">“${policy.note}”</p>`}
      ${policy && policy.notes.map((note) => html`<p key=${note} class="note">${note}</p>`)}
      ${policy && html`<${Rules} rules=${policy.content.rule ?? []} />
        <${Chains} chains=${policy.content.escalation ?? []} />
        <${Rest} content=${policy.content} />
        <${PolicyChanges} />
        <${Burden} />
        <${Simulation} app=${app} />
        <details class="card source"><summary>The text</summary><pre tabindex="0" role="region" aria-label="The policy's text">${policy.text}</pre></details>`}`;
  }
}

const TOLD = new Set(["name", "score", "label", "severity", "enter", "clear", "enter_evaluations", "clear_evaluations", "lockout_s", "units",
  "when", "min_present", "clear_min_present", "optional", "cause", "downgrade_s"]);

function Rules({ rules }) {
  return html`<section class="card"><h2>Rules</h2><ul class="rules">${rules.map((rule) => {
    const severity = SEVERITIES[rule.severity] ?? SEVERITIES.technical;
    const others = Object.entries(rule).filter(([name]) => !TOLD.has(name));
    return html`<li key=${rule.name} data-severity=${rule.severity}><p class="severity"><${Shape} name=${severity.shape} /> <b>${severity.word}</b></p>
      <div><h3>${rule.label ?? rule.score ?? rule.name} <small>${rule.name}</small></h3>
        <p>${words(rule)}</p>
        ${others.length > 0 && html`<${Facts} table=${Object.fromEntries(others)} />`}</div></li>`;
  })}</ul></section>`;
}

function words(rule) {
  const said = [];
  if (rule.enter !== undefined) said.push(`Opens at ${rule.enter} or more${times(rule.enter_evaluations)}`);
  if (rule.when) said.push(`Opens while ${condition(rule.when)}${times(rule.enter_evaluations)}`);
  if (rule.clear !== undefined) said.push(`ends at ${rule.clear} or less${times(rule.clear_evaluations)}`);
  if (rule.lockout_s) said.push(`then silent for ${duration(rule.lockout_s)}`);
  if (rule.downgrade_s) said.push(`goes down to a less severe rule after ${duration(rule.downgrade_s)}`);
  if (rule.min_present) said.push(`only with ${rule.min_present} inputs or more`);
  said.push(rule.units?.length > 0 ? `in ${rule.units.join(", ")}` : "in every unit");
  return `${said.join("; ")}.`;
}

const COMPARED = { above: "above", at_least: "at least", below: "below", at_most: "at most" };

/** A tree of conditions as a sentence: "MAP is below 65 for 10 min (until 70) and (HR is above 110 or Lactate rises by 2 within 1 h)". */
function condition(node, inner = false) {
  for (const [key, word] of [["all", " and "], ["any", " or "]]) {
    if (!node[key]) continue;
    const joined = node[key].map((part) => condition(part, node[key].length > 1)).join(word);
    return inner && node[key].length > 1 ? `(${joined})` : joined;
  }
  const who = node.signal ? label(node.signal) : node.score;
  const held = node.for_s ? ` for ${duration(node.for_s)}` : "";
  const ends = node.clear === undefined ? "" : ` (until ${node.clear})`;
  for (const [key, word] of Object.entries(COMPARED)) if (node[key] !== undefined) return `${who} is ${word} ${node[key]}${held}${ends}`;
  const [way, by] = node.rising_by === undefined ? ["falls", node.falling_by] : ["rises", node.rising_by];
  return `${who} ${way} by ${by} within ${duration(node.within_s)}${held}`;
}

/** Tables that are neither rules nor chains, by name: storms, quiet hours, silence. */
function Rest({ content }) {
  return Object.entries(content).filter(([name]) => name !== "rule" && name !== "escalation").map(([name, table]) => html`
    <section class="card" key=${name}><h2>${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll("_", " ")}</h2>
      <${Facts} table=${table} /></section>`);
}

function Facts({ table }) {
  return html`<dl class="facts">${Object.entries(table).map(([key, value]) => html`<div key=${key}>
    <dt>${key.replace(/_s$/, "").replaceAll("_", " ")}</dt><dd>${plain(key, value)}</dd></div>`)}</dl>`;
}

/** A value of the file for a person: times in words, lists by commas. */
function plain(key, value) {
  if (Array.isArray(value)) return value.map((one) => plain(key, one)).join(", ") || "none";
  if (value !== null && typeof value === "object") return Object.entries(value).map(([name, one]) => `${name.replace(/_s$/, "").replaceAll("_", " ")} ${plain(name, one)}`).join(" · ");
  return key.endsWith("_s") && typeof value === "number" ? duration(value) : String(value);
}

const times = (count) => (count > 1 ? `, ${count} times running` : "");

function duration(seconds) {
  return seconds >= 3600 ? `${Number((seconds / 3600).toFixed(1))} h` : seconds >= 60 ? `${Math.round(seconds / 60)} min` : `${seconds} s`;
}

function Chains({ chains }) {
  return chains.length > 0 && html`<section class="card"><h2>When nobody answers</h2><ul class="chains">${chains.map((chain) => html`<li key=${chain.severity}>
    <p><b>${SEVERITIES[chain.severity]?.word ?? chain.severity}</b>${chain.units?.length > 0 ? ` in ${chain.units.join(", ")}` : ""}</p>
    <ol>${(chain.steps ?? []).map((step) => html`<li key=${step.after_s}>after ${duration(step.after_s)} to <b>${roleTitle(step.to)}</b></li>`)}
      ${chain.repeat_s && html`<li>then again every ${duration(chain.repeat_s)}</li>`}${chain.expire_s && html`<li>until ${duration(chain.expire_s)} have passed</li>`}</ol></li>`)}</ul></section>`;
}
