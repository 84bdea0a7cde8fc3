// Alerts about no patient (a feed, a channel, a storm): the stream tells their steps, the server's list those from before.
import { get } from "./api.js";
import { stateOf } from "./risk.js";

const PAGE = 500;

/** Alerts that are not cleared and about no patient, in the shape of the stream. */
export async function looseAlerts() {
  const { items } = await get(`/v1/alerts?state=active&patient=none&history=false&limit=${PAGE}`);
  return items.map((alert) => ({
    id: alert.alert_id, patient: "", unit: alert.unit ?? "", bed: alert.bed ?? "", rule: alert.rule, subject: alert.subject,
    severity: alert.severity, reason: alert.reason, state: alert.state, at_ms: Date.parse(alert.opened_at),
    changed_ms: alert.state_at ? Date.parse(alert.state_at) : null, by: alert.by, role: alert.role, to: alert.to,
    note: alert.note, held: alert.held, until_ms: alert.until_at ? Date.parse(alert.until_at) : null, level: alert.level, whole: true,
  }));
}

/** What only an opening or a raise tells; every other step has a sentence of its own. */
const TOLD = ["reason", "contributions", "explanation", "held"];
const TELLS = new Set(["opened", "raised"]);
/** Who did what: of a step that changes no state, what was said before stands. */
const SAID = ["changed_ms", "by", "role", "to", "note", "until_ms"];
const CHANGES_NOTHING = new Set(["reminded", "lowered", "moved"]);

const pick = (from, names) => Object.fromEntries(names.map((name) => [name, from[name]]));

/** An alert after one more of its steps, as the engine reads them; `whole` once its own sentence is known. */
export function follow(before, step) {
  const after = { ...before, ...step, at_ms: before?.at_ms ?? step.at_ms, changed_ms: step.at_ms, state: stateOf(step, before) };
  if (!before) return { ...after, whole: TELLS.has(step.kind) };
  if (!TELLS.has(step.kind)) Object.assign(after, pick(before, TOLD));
  if (CHANGES_NOTHING.has(step.kind)) Object.assign(after, pick(before, SAID));
  return { ...after, whole: before.whole || TELLS.has(step.kind) };
}

/** What the stream has told of an alert, with what only the server's list knows: when it began, and why. */
export function completed(known, listed) {
  if (!listed) return known;
  if (!known.whole && CHANGES_NOTHING.has(known.kind)) return { ...listed, kind: known.kind, whole: false };
  return { ...known, at_ms: listed.at_ms, ...(known.whole ? {} : pick(listed, TOLD)), whole: true };
}
