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

/** The most urgent open alert's rank; 0 without one. */
export function alertRank(patient) {
  let rank = 0;
  for (const alert of patient.alerts) rank = Math.max(rank, SEVERITIES[alert.severity]?.rank ?? 0);
  return rank;
}

const score = (patient, name) => patient.scores[name]?.value ?? -1;

/** Open alerts first, by severity; then NEWS2, sepsis risk, unit and bed. */
export function byRisk(a, b) {
  return alertRank(b) - alertRank(a)
    || score(b, "news2") - score(a, "news2")
    || score(b, "sepsis") - score(a, "sepsis")
    || a.unit.localeCompare(b.unit, undefined, { numeric: true })
    || a.bed.localeCompare(b.bed, undefined, { numeric: true })
    || (a.patient < b.patient ? -1 : 1);
}
