// Which way a value goes: the newest against the one half an hour ago, or the oldest known if that is five minutes old.
const BACK_S = 1800;
const LEAST_S = 300;
/** A direction is told no longer than this after its newest point. */
const TOLD_MS = BACK_S * 1000;
/** How much counts as a change: less is what a healthy body does by itself. */
const CHANGES = { HR: 8, O2Sat: 2, Resp: 3, SBP: 12, Temp: 0.4 };

const ARROWS = {
  up: { sign: "↑", words: "rising" },
  down: { sign: "↓", words: "falling" },
  level: { sign: "→", words: "steady" },
};

/** {sign, words} of a sparkline's series, or null where too little is known, or it is too long ago by `nowMs`. */
export function trend(name, series, nowMs) {
  if (!series) return null;
  const known = [];
  series.v.forEach((v, i) => v !== null && known.push([series.t_s[i], v]));
  if (known.length < 2) return null;
  const [nowS, now] = known[known.length - 1];
  if (nowMs - series.at_ms - nowS * 1000 > TOLD_MS) return null;
  const before = known.find(([at]) => at >= nowS - BACK_S);
  if (nowS - before[0] < LEAST_S) return null;
  const change = now - before[1];
  const counts = CHANGES[name] ?? Infinity;
  return ARROWS[change >= counts ? "up" : change <= -counts ? "down" : "level"];
}

/** The same of a score's points over the time this page has seen: [[ms, points], ...], oldest first, each the first of its kind. */
export function scoreTrend(seen, nowMs) {
  if (!seen || seen.length < 2 || nowMs - seen[seen.length - 1][0] > TOLD_MS) return null;
  const change = seen[seen.length - 1][1] - seen[0][1];
  return ARROWS[change > 0 ? "up" : change < 0 ? "down" : "level"];
}
