// The history of a patient as lines: what is drawn in which panel, and where a line must not go on.
const MINUTE_MS = 60_000;

/** Panels from top to bottom. `carryMs`: a line may join two values that far apart; a longer silence is a gap. */
export const PANELS = [
  { title: "Risk", unit: "%", scores: true, lines: [] },
  { title: "NEWS2", unit: "points", steps: true, least: 8, lines: [{ model: "news2", label: "NEWS2", carryMs: 90 * MINUTE_MS }] },
  { title: "Heart rate", unit: "/min", least: 40, lines: [{ signal: "HR", label: "Heart rate", carryMs: 5 * MINUTE_MS }] },
  { title: "Respiration", unit: "/min", least: 12, lines: [{ signal: "Resp", label: "Respiration", carryMs: 5 * MINUTE_MS }] },
  { title: "Oxygen saturation", unit: "%", least: 8, lines: [{ signal: "O2Sat", label: "SpO₂", carryMs: 5 * MINUTE_MS }] },
  { title: "Blood pressure", unit: "mmHg", least: 60, lines: [
    { signal: "SBP", label: "Systolic", carryMs: 150 * MINUTE_MS }, { signal: "DBP", label: "Diastolic", carryMs: 150 * MINUTE_MS },
    { signal: "MAP", label: "Mean", carryMs: 150 * MINUTE_MS } ] },
  { title: "Temperature", unit: "°C", least: 2, digits: 1, lines: [{ signal: "Temp", label: "Temperature", carryMs: 480 * MINUTE_MS }] },
];

const IN_PANELS = new Set(["Consciousness", "Oxygen", "FiO2", "GCS", "EtCO2",
  ...PANELS.flatMap((panel) => panel.lines.map((line) => line.signal))]);
const LAB_CARRY_MS = 36 * 60 * MINUTE_MS;

/** What of a history there is to draw: panels with lines that have values, laboratory values each in its own. */
export function panelsOf(history, titleOf, unitOf) {
  const signals = new Map(history.signals.map((course) => [course.signal, course]));
  const scores = new Map(history.scores.map((course) => [course.model, course]));
  const drawn = PANELS.map((panel) => ({ ...panel, lines: linesOf(panel, signals, scores) }));
  const labs = history.signals.filter(({ signal }) => !IN_PANELS.has(signal)).map((course) => ({
    title: titleOf(course.signal), unit: unitOf(course.unit), lab: true, digits: 1, least: 0,
    lines: [{ label: titleOf(course.signal), course, carryMs: LAB_CARRY_MS }],
  }));
  return [...drawn, ...labs].filter((panel) => panel.lines.length > 0);
}

const MODELS = ["sepsis", "deterioration"];

function linesOf(panel, signals, scores) {
  if (panel.scores) {
    return MODELS.filter((model) => scores.has(model)).map((model) => ({
      label: model, course: percent(scores.get(model)), carryMs: 90 * MINUTE_MS,
    }));
  }
  return panel.lines.map((line) => ({ ...line, course: line.model ? scores.get(line.model) : signals.get(line.signal) }))
    .filter((line) => line.course);
}

function percent(course) {
  const times100 = (list) => list.map((value) => (value === null ? null : value * 100));
  return { ...course, low: times100(course.low), high: times100(course.high), last: times100(course.last) };
}

/** How far apart two values may be joined: `carryMs`, or more where the patient is measured less often than that. */
function reach(values, timesMs, carryMs) {
  const at = timesMs.filter((_, i) => values[i] !== null);
  const apart = at.slice(1).map((ms, i) => ms - at[i]).sort((a, b) => a - b);
  const usual = apart[Math.floor(apart.length / 2)] ?? 0;
  return Math.max(carryMs, Math.min(2.5 * usual, 6 * carryMs));
}

/** A list for uPlot: null breaks the line, undefined lets it go on over an empty bucket. */
export function joined(values, timesMs, leastMs) {
  const carryMs = reach(values, timesMs, leastMs);
  const out = values.slice();
  let before = -1;
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null) continue;
    if (before >= 0 && timesMs[i] - timesMs[before] <= carryMs) out.fill(undefined, before + 1, i);
    before = i;
  }
  return out;
}

/** Seconds since 1970 of every bucket's middle. */
export function times({ from_ms: fromMs, to_ms: toMs, points }) {
  const width = (toMs - fromMs) / points;
  return Array.from({ length: points }, (_, i) => (fromMs + (i + 0.5) * width) / 1000);
}

/** Least, largest and last value of what is shown, or null without any. */
export function summary({ last, low, high, last_at_ms: atMs }) {
  const known = last.map((value, i) => i).filter((i) => last[i] !== null);
  if (known.length === 0) return null;
  const newest = known[known.length - 1];
  return {
    low: Math.min(...known.map((i) => low[i] ?? last[i])), high: Math.max(...known.map((i) => high[i] ?? last[i])),
    last: last[newest], atMs: atMs[newest],
  };
}
