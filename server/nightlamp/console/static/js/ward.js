// Everybody on the ward, by the newest message about each. No DOM in here.
import { byRisk } from "./risk.js";

export class Ward {
  constructor() {
    this.patients = new Map();
    this.complete = false;
    this.snapshot = null;
  }

  /** Apply messages; says which patients changed and which alerts opened. */
  take(messages) {
    const changed = new Set();
    const opened = [];
    let reorder = false;
    for (const message of messages) {
      switch (message.type) {
        case "subscribed":
          this.snapshot = new Set();
          break;
        case "patient":
          reorder ||= this.moves(this.patients.get(message.patient), message);
          this.patients.set(message.patient, message);
          this.snapshot?.add(message.patient);
          changed.add(message.patient);
          break;
        case "left":
          reorder = this.patients.delete(message.patient) || reorder;
          break;
        case "alert":
          if (message.kind === "opened") opened.push(message);
          break;
        case "ready":
          reorder = this.settle() || reorder;
          break;
      }
    }
    return { changed, opened, reorder };
  }

  /** Who is not in a new snapshot left while the connection was down. */
  settle() {
    const gone = this.snapshot === null ? [] : [...this.patients.keys()].filter((id) => !this.snapshot.has(id));
    for (const id of gone) this.patients.delete(id);
    this.snapshot = null;
    this.complete = true;
    return true;
  }

  /** Whether a new state may stand elsewhere on the board. */
  moves(before, after) {
    return before === undefined || before.unit !== after.unit || before.bed !== after.bed
      || before.alerts.length !== after.alerts.length
      || before.alerts.some((alert, i) => alert.id !== after.alerts[i].id)
      || before.scores.news2?.value !== after.scores.news2?.value
      || before.scores.sepsis?.value !== after.scores.sepsis?.value;
  }

  /** Units with the number of their patients, by name. */
  units() {
    const counts = new Map();
    for (const { unit } of this.patients.values()) counts.set(unit, (counts.get(unit) ?? 0) + 1);
    return [...counts].sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }));
  }

  /** The patients of one unit (or of all, for null), most urgent first. */
  sorted(unit) {
    const shown = [...this.patients.values()].filter((patient) => unit === null || patient.unit === unit);
    return shown.sort(byRisk);
  }
}
