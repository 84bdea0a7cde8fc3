// The alerts of a stay, as the server's list has them and as the stream has told since: with their beginning and their end.
import { get } from "./api.js";
import { age, dayTime } from "./clock.js";
import { SEVERITIES, STATES } from "./risk.js";
import { roleTitle } from "./session.js";

/** So many of a stay are marked, the newest before the right edge. */
export const MARKED_MAX = 200;

/** Alerts of a patient that opened before a time (now, for null); `more` where there are older ones than these. The list is of opening
    times, and an alert may be older than what is shown and reach into it: so there is no `from`. */
export async function alertsBefore(id, toMs) {
  const range = new URLSearchParams({ patient: id, limit: MARKED_MAX });
  if (toMs !== null) range.set("to", new Date(toMs).toISOString());
  const { items, next_cursor: next } = await get(`/v1/alerts?${range}`);
  return { alerts: items.map(fromList), more: next !== null };
}

function fromList(alert) {
  const ackAt = alert.acknowledged_at ? Date.parse(alert.acknowledged_at) : null;
  return {
    id: alert.alert_id, severity: alert.severity, reason: alert.reason, state: alert.state, fromMs: Date.parse(alert.opened_at),
    toMs: alert.cleared_at ? Date.parse(alert.cleared_at) : null, ackMs: ackAt,
    ackRole: alert.history?.find((step) => step.kind === "acknowledged")?.role ?? "",
  };
}

function fromStream(alert) {
  return { id: alert.id, severity: alert.severity, reason: alert.reason, state: alert.state, fromMs: alert.at_ms, toMs: null, ackMs: null, ackRole: "" };
}

/** What was there between two times, oldest first; `toMs` is null for what is there now. */
export function marksBetween(listed, open, fromMs, toMs) {
  const known = new Map(listed.map((alert) => [alert.id, alert]));
  for (const alert of open) {
    const told = fromStream(alert);
    const before = known.get(told.id);
    if (before?.toMs === null || !before) known.set(told.id, { ...before, ...told, ackMs: before?.ackMs ?? null, ackRole: before?.ackRole ?? "" });
  }
  return [...known.values()].filter((alert) => alert.fromMs <= toMs && (alert.toMs ?? Infinity) >= fromMs)
    .sort((a, b) => a.fromMs - b.fromMs || (a.id < b.id ? -1 : 1));
}

/** The same for two lists that draw alike. */
export function keyOf(marks) {
  return marks.map((mark) => `${mark.id} ${mark.severity} ${mark.toMs}`).join();
}

/** "High NEWS2 9 reached 7, 21 Nov, 13:02 to 13:40, over after 38 min, acknowledged by nurse after 2 min." */
export function wordsOfMark({ severity, reason, state, fromMs, toMs, ackMs, ackRole }) {
  const word = SEVERITIES[severity]?.word ?? severity;
  const end = toMs === null ? `since ${dayTime(fromMs)}, ${STATES[state] ?? state}` : `${dayTime(fromMs)}, over after ${age(toMs - fromMs)}`;
  const seen = ackMs === null ? "" : `, acknowledged${ackRole ? ` by ${roleTitle(ackRole).toLowerCase()}` : ""} after ${age(ackMs - fromMs)}`;
  return { word, text: `${reason}, ${end}${seen}` };
}
