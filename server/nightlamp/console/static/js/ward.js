// Everybody on the ward, by the newest message about each. No DOM in here.
import { completed, follow } from "./loose.js";
import { byRisk, urgency } from "./risk.js";

const TREND_BACK_MS = 1_800_000;
/** Alerts about no patient that are remembered as told, so that an older list does not undo what the stream said. */
const TOLD_MAX = 1000;

export class Ward {
  constructor() {
    this.patients = new Map();
    this.complete = false;
    this.snapshot = null;
    /** Patient to [[ms, NEWS2], ...] of the last half hour, as far as this page has seen it. */
    this.course = new Map();
    /** Alerts about no patient that are not cleared, by id. */
    this.loose = new Map();
    /** Ids of alerts about no patient that the stream has spoken of without a gap since; the cleared ones too. */
    this.told = new Set();
  }

  /** Apply messages; says which patients changed and what alerts went through. */
  take(messages) {
    const changed = new Set();
    const steps = [];
    let reorder = false;
    for (const message of messages) {
      switch (message.type) {
        case "subscribed":
          this.snapshot = new Set();
          if (!message.resumed) this.told.clear();
          break;
        case "patient":
          reorder ||= this.moves(this.patients.get(message.patient), message);
          this.patients.set(message.patient, message);
          this.snapshot?.add(message.patient);
          this.remember(message);
          changed.add(message.patient);
          break;
        case "left":
          reorder = this.patients.delete(message.patient) || reorder;
          this.course.delete(message.patient);
          break;
        case "alert":
          steps.push(message);
          if (!message.patient) this.keepLoose(message);
          break;
        case "ready":
          reorder = this.settle() || reorder;
          break;
      }
    }
    return { changed, steps, reorder };
  }

  remember({ patient, scores, at_ms: atMs }) {
    const value = scores.news2?.value;
    if (value === null || value === undefined) return;
    const seen = this.course.get(patient) ?? [];
    if (seen.length === 0 || seen[seen.length - 1][1] !== value) seen.push([atMs, value]);
    while (seen.length > 1 && seen[1][0] < atMs - TREND_BACK_MS) seen.shift();
    this.course.set(patient, seen);
  }

  /** An alert about no patient; the list of the server (`takeLoose`) tells of those from before. */
  keepLoose(alert) {
    const before = this.loose.get(alert.id);
    this.told.delete(alert.id);
    this.told.add(alert.id);
    if (this.told.size > TOLD_MAX) this.told.delete(this.told.values().next().value);
    if (alert.kind === "cleared") this.loose.delete(alert.id);
    else this.loose.set(alert.id, follow(before, alert));
  }

  /** The database is behind the stream: what the stream has spoken of stays as it said, only its beginning is the list's. */
  takeLoose(alerts) {
    const listed = new Map(alerts.map((alert) => [alert.id, alert]));
    for (const id of this.told) {
      const known = this.loose.get(id);
      if (known === undefined) listed.delete(id);
      else listed.set(id, completed(known, listed.get(id)));
    }
    this.loose = listed;
  }

  /** Alerts about no patient, of one unit (and of no unit) or of all. */
  technical(unit) {
    return [...this.loose.values()].filter((alert) => unit === null || !alert.unit || alert.unit === unit)
      .sort((a, b) => urgency(b) - urgency(a) || b.at_ms - a.at_ms);
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
      || before.alerts.some((alert, i) => alert.id !== after.alerts[i].id || alert.state !== after.alerts[i].state
        || alert.severity !== after.alerts[i].severity)
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
