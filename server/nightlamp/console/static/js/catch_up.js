// The stream tells a step as it happens; the database, which lists are read from, has it a moment later, or more when it is slow. So what
// lists steps reads at once, and again.
const AFTER_MS = [0, 1000, 4000, 15_000];

/** Calls `read` now and a few times more; returns what ends that. */
export function catchUp(read) {
  const timers = AFTER_MS.map((ms) => setTimeout(read, ms));
  return () => timers.forEach((timer) => clearTimeout(timer));
}
