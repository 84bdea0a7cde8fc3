// The unit a person has chosen to see, kept through a reload of the tab, and of nobody else: another person's filter would hide
// patients, and keep their alerts silent. Who comes by a token is another, whatever the id: a one-time token has that of its issuer.
const KEY = "nightlamp.filter";

/** The unit this person has chosen in this tab; null: all that may be seen. */
export function recallUnit({ id, units }) {
  const [whose, unit] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  return unit === undefined || whose !== (id ?? null) || (units && !units.includes(unit)) ? null : unit;
}

/** Keep what was chosen; null is all. */
export function keepUnit({ id }, unit) {
  if (unit === null) forgetUnit();
  else sessionStorage.setItem(KEY, JSON.stringify([id ?? null, unit]));
}

/** Nobody has chosen anything. */
export function forgetUnit() {
  sessionStorage.removeItem(KEY);
}
