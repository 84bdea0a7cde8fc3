// The server's clock: ages must not depend on how the console's own clock is set.
let offsetMs = 0;

/** Take the server's time from a message that has just arrived. */
export function setServerTime(atMs) {
  offsetMs = atMs - Date.now();
}

/** Now by the server's clock, milliseconds since 1970. */
export function serverNow() {
  return Date.now() + offsetMs;
}

const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

/** hh:mm:ss in the reader's time zone. */
export function clockTime(ms) {
  return clockFormat.format(ms);
}

const dayFormat = new Intl.DateTimeFormat(undefined, {
  day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

/** Day, month, hour and minute in the reader's time zone. */
export function dayTime(ms) {
  return dayFormat.format(ms);
}

/** An age in the two or three characters there is room for: 4 s, 12 min, 3 h, 2 d. */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
