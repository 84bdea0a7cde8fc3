// A policy's keys as sentences: every key of a rule and of a condition is said, each time exactly as the file has it.
import { label } from "./signals.js";

/** Keys of a rule that its heading or its sentence says; others are shown beneath by their names. */
export const TOLD = new Set(["name", "score", "label", "severity", "enter", "clear", "enter_evaluations", "clear_evaluations", "lockout_s", "units",
  "when", "min_present", "clear_min_present", "optional", "cause", "downgrade_s"]);

/** "Opens at 7 or more; ends at 4 or less, 3 times running; ...; in every unit." */
export function sentence(rule) {
  const said = [];
  if (rule.enter !== undefined) said.push(`Opens at ${rule.enter} or more${times(rule.enter_evaluations)}`);
  if (rule.when) said.push(`Opens while ${condition(rule.when)}${times(rule.enter_evaluations)}`);
  if (rule.clear !== undefined) said.push(`ends at ${rule.clear} or less${times(rule.clear_evaluations)}`);
  if (rule.when) said.push(`ends once that is known to be over${times(rule.clear_evaluations)}`);
  if (rule.lockout_s) said.push(`then silent for ${duration(rule.lockout_s)}`);
  if (rule.downgrade_s) said.push(`goes down to a less severe rule after ${duration(rule.downgrade_s)}`);
  if (rule.min_present) said.push(`only with ${rule.min_present} inputs or more`);
  if (rule.clear_min_present) said.push(`ends only on ${Math.max(rule.clear_min_present, rule.min_present ?? 0)} inputs or more`);
  if (rule.cause && rule.cause !== rule.name) said.push(`one alert per patient with all rules of the cause ${rule.cause}`);
  if (rule.optional) said.push("left out where its score is not loaded");
  said.push(rule.units?.length > 0 ? `in ${rule.units.join(", ")}` : "in every unit");
  return `${said.join("; ")}.`;
}

const COMPARED = { above: "above", at_least: "at least", below: "below", at_most: "at most" };
const SAID = new Set(["signal", "score", "for_s", "clear", "stale_s", "rising_by", "falling_by", "within_s", ...Object.keys(COMPARED)]);

/** A tree of conditions: "MAP is below 65 for 10 min (until 70) and (HR is above 110 or Lactate rises by 2 within 1 h)". */
function condition(node, inner = false) {
  for (const [key, word] of [["all", " and "], ["any", " or "]]) {
    if (!node[key]) continue;
    const joined = node[key].map((part) => condition(part, node[key].length > 1)).join(word);
    return inner && node[key].length > 1 ? `(${joined})` : joined;
  }
  const held = node.for_s ? ` for ${duration(node.for_s)}` : "";
  const aside = [];
  if (node.clear !== undefined) aside.push(`until ${node.clear}`);
  if (node.stale_s !== undefined) aside.push(`unknown when older than ${duration(node.stale_s)}`);
  for (const [key, value] of Object.entries(node)) if (!SAID.has(key)) aside.push(`${key} ${value}`);
  return `${node.signal ? label(node.signal) : node.score} ${asked(node)}${held}${aside.length > 0 ? ` (${aside.join(", ")})` : ""}`;
}

function asked(node) {
  for (const [key, word] of Object.entries(COMPARED)) if (node[key] !== undefined) return `is ${word} ${node[key]}`;
  const [way, by] = node.rising_by === undefined ? ["falls", node.falling_by] : ["rises", node.rising_by];
  return `${way} by ${by} within ${duration(node.within_s)}`;
}

const times = (count) => (count > 1 ? `, ${count} times running` : "");

const PARTS = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
/** Shorter times are told in hours, as wards do. */
const DAYS_FROM_S = 3 * 86_400;

/** Whole seconds, exactly: "1 min 30 s", "48 h", "7 d". */
export function duration(seconds) {
  const said = [];
  let rest = seconds;
  for (const [unit, length] of seconds < DAYS_FROM_S ? PARTS.slice(1) : PARTS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) said.push(`${count} ${unit}`);
  }
  return said.join(" ") || "0 s";
}

/** A value of the file for a person: times in words, lists by commas. */
export function plain(key, value) {
  if (Array.isArray(value)) return value.map((one) => plain(key, one)).join(", ") || "none";
  if (value !== null && typeof value === "object") return Object.entries(value).map(([name, one]) => `${named(name)} ${plain(name, one)}`).join(" · ");
  return key.endsWith("_s") && typeof value === "number" ? duration(value) : String(value);
}

/** A key as a person would write it. */
export const named = (key) => key.replace(/_s$/, "").replaceAll("_", " ");
