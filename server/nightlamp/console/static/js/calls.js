// What a person is called for, and what is read out about it.
import { SEVERITIES } from "./risk.js";

/** Of the end of a snooze only the machine's: who ends one by hand is there. */
const CALLS = new Set(["opened", "raised", "unsnoozed", "escalated", "reminded"]);

/** Whether a step of an alert calls somebody. */
export const isCall = (step) => CALLS.has(step.kind) && !(step.kind === "unsnoozed" && step.by);

/** "High alert, ICU-1 bed 07: NEWS2 9 reached 7". */
export function announcement(alert) {
  const word = SEVERITIES[alert.severity]?.word ?? alert.severity;
  const where = [alert.unit, alert.bed && `bed ${alert.bed}`].filter(Boolean).join(" ");
  const step = alert.kind === "opened" ? "alert" : `alert ${alert.kind}`;
  return `${word} ${step}${where && `, ${where}`}: ${alert.reason}`;
}
