// Words, shapes and order of urgency. Colour is never the only sign: every level has a word and a shape.
export const BANDS = [
  { word: "None", shape: "ring" },
  { word: "Low", shape: "dot" },
  { word: "Low–medium", shape: "diamond" },
  { word: "Medium", shape: "triangle" },
  { word: "High", shape: "octagon" },
];

export const SEVERITIES = {
  high: { word: "High", shape: "octagon", rank: 4 },
  medium: { word: "Medium", shape: "triangle", rank: 3 },
  low: { word: "Low", shape: "dot", rank: 2 },
  technical: { word: "Technical", shape: "wrench", rank: 1 },
};

/** What an alert waits for, in a word; shown beside the severity. */
export const STATES = {
  open: "waits for an answer", acknowledged: "acknowledged", snoozed: "snoozed", escalated: "escalated", expired: "nobody answered",
  cleared: "over",
};

const ANSWERED = new Set(["acknowledged", "snoozed"]);
const STATE_AFTER = { opened: "open", unsnoozed: "open", raised: "open", acknowledged: "acknowledged", snoozed: "snoozed",
  escalated: "escalated", expired: "expired", cleared: "cleared" };

/** The state after a step; a reminder and a lowering change none. */
export function stateOf(step, before) {
  return STATE_AFTER[step.kind] ?? before?.state ?? "open";
}

/** Whether somebody has taken care of it. */
export const answered = (alert) => ANSWERED.has(alert.state);

/** Severity first; among equals who waits for an answer stands above who has one. */
export function urgency(alert) {
  return 2 * (SEVERITIES[alert.severity]?.rank ?? 0) - (answered(alert) ? 1 : 0);
}

/** The most urgent open alert's rank; 0 without one. */
export function alertRank(patient) {
  let rank = 0;
  for (const alert of patient.alerts) rank = Math.max(rank, SEVERITIES[alert.severity]?.rank ?? 0);
  return rank;
}

const names = new Intl.Collator(undefined, { numeric: true });
const score = (patient, name) => patient.scores[name]?.value ?? -1;

const patientUrgency = (patient) => Math.max(0, ...patient.alerts.map(urgency));

/** Open alerts first, by severity and by who waits for an answer; then NEWS2, sepsis risk, unit and bed. */
export function byRisk(a, b) {
  return patientUrgency(b) - patientUrgency(a)
    || score(b, "news2") - score(a, "news2")
    || score(b, "sepsis") - score(a, "sepsis")
    || names.compare(a.unit, b.unit)
    || names.compare(a.bed, b.bed)
    || (a.patient < b.patient ? -1 : 1);
}
