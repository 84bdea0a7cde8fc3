// The stretch of time a patient page shows: from an hour to the whole stay, following the present or standing still.
import { serverNow } from "./clock.js";

const HOUR_MS = 3_600_000;
export const SPANS = [
  { name: "1 h", ms: HOUR_MS }, { name: "6 h", ms: 6 * HOUR_MS }, { name: "24 h", ms: 24 * HOUR_MS },
  { name: "3 d", ms: 72 * HOUR_MS }, { name: "Stay", ms: null },
];
const LEAST_MS = 5 * 60_000;
/** The most the server tells at once. */
const MOST_MS = 399 * 24 * HOUR_MS;
/** Some room at the right edge, so that the newest value is not lost in the frame. */
const EDGE = 0.01;

/** When the stay under way began, or the last one; contacts before it are no part of it. Null where nothing is known. */
export function stayBegan({ admitted_at: admitted, discharged_at: discharged, in_bed_since: inBed, first_seen_at: seen }) {
  // In a bed again since the discharge: of this stay only the bed is known.
  const again = discharged && inBed && Date.parse(inBed) >= Date.parse(discharged);
  const at = again ? inBed : admitted ?? inBed ?? seen;
  return at ? Date.parse(at) : null;
}

export class Span {
  constructor() {
    this.chosen = SPANS[1];
    this.fixed = null;
    this.beganMs = null;
  }

  /** One of SPANS: ends now and goes on with it. */
  choose(span) {
    this.chosen = span;
    this.fixed = null;
  }

  /** A stretch that stands still. */
  stand(fromMs, toMs) {
    if (toMs - fromMs >= LEAST_MS) this.fixed = { fromMs, toMs };
  }

  get follows() {
    return this.fixed === null;
  }

  /** {fromMs, toMs}. */
  range() {
    if (this.fixed) return this.fixed;
    const nowMs = serverNow();
    const lengthMs = this.chosen.ms ?? Math.max(HOUR_MS, nowMs - (this.beganMs ?? nowMs - 24 * HOUR_MS));
    const toMs = nowMs + Math.min(lengthMs, MOST_MS) * EDGE;
    return { fromMs: toMs - Math.min(lengthMs, MOST_MS) * (1 + EDGE), toMs };
  }
}
