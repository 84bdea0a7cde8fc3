// What a tile shows of the signal catalogue: labels, units as people write them, and when a value has grown old.
const MINUTE = 60_000;

/** Rows of a tile, top to bottom. `staleMs`: older than that is greyed (monitors send every second, cuffs every hour).
    `range`: the least height of a sparkline, so that noise stays small. */
export const VITALS = [
  { name: "HR", label: "HR", title: "Heart rate", unit: "/min", digits: 0, staleMs: 2 * MINUTE, range: 30 },
  { name: "O2Sat", label: "SpO₂", title: "Oxygen saturation", unit: "%", digits: 0, staleMs: 2 * MINUTE, range: 6 },
  { name: "Resp", label: "RR", title: "Respiration rate", unit: "/min", digits: 0, staleMs: 2 * MINUTE, range: 10 },
  { name: "SBP", label: "BP", title: "Blood pressure", unit: "mmHg", digits: 0, staleMs: 60 * MINUTE, range: 40, second: "DBP" },
  { name: "Temp", label: "Temp", title: "Temperature", unit: "°C", digits: 1, staleMs: 240 * MINUTE, range: 1.5 },
];

export const TITLES = {
  HR: "Heart rate", O2Sat: "Oxygen saturation", Resp: "Respiration", SBP: "Systolic pressure", DBP: "Diastolic pressure",
  MAP: "Mean pressure", Temp: "Temperature", Consciousness: "Consciousness", Oxygen: "Oxygen", FiO2: "Inspired oxygen",
  GCS: "Coma score", WBC: "Leukocytes", Lactate: "Lactate", PaCO2: "PaCO₂",
};

const UNITS = { "mm[Hg]": "mmHg", Cel: "°C", "{score}": "", "[pH]": "", 1: "", "10*3/uL": "10³/µL" };
const ACVPU = ["Alert", "New confusion", "Voice", "Pain", "Unresponsive"];

/** A value with its unit, for a person. Missing is said, never shown as a number. */
export function valueText(name, value, unit) {
  if (value === null || value === undefined) return "missing";
  if (name === "Consciousness") return ACVPU[value] ?? String(value);
  if (name === "Oxygen") return value > 0 ? "on oxygen" : "on air";
  if (name === "FiO2") return `${Math.round(value * 100)} %`;
  return `${Number(value.toFixed(Math.abs(value) < 10 ? 1 : name === "Temp" ? 1 : 0))} ${UNITS[unit] ?? unit}`.trim();
}

/** Items that say the same thing twice, the second used where the first is missing (NEWS2 takes either). */
const EITHER = { FiO2: "Oxygen", GCS: "Consciousness" };

/** A rule's items without those whose alternative is there: what is named missing really is. */
export function itemsOf(score) {
  const known = new Set(score.items.filter((item) => item.value !== null).map((item) => item.name));
  const second = Object.fromEntries(Object.entries(EITHER).map(([a, b]) => [b, a]));
  return score.items.filter(({ name }) => known.has(name) || (!(name in EITHER) && !known.has(second[name])));
}

/** The short label where there is one. */
export function label(name) {
  return name === "FiO2" ? "FiO₂" : VITALS.find((row) => row.name === name)?.label ?? title(name);
}

export function title(name) {
  return TITLES[name] ?? name;
}

/** Title and unit of a signal of the catalogue, for a person. */
export const unitText = { title, unit: (unit) => UNITS[unit] ?? unit };
