// What the tab of the browser says: the page, how many have alerts, or that nothing of it holds.
const TITLES = { board: "Ward board", patient: "Patient", operations: "Operations", policy: "Policy" };

/** The document's title. */
export function titleOf({ locked, connection, order, place }) {
  if (locked) return "Locked · nightlamp";
  if (!connection.live && connection.silentSinceMs !== null) return "Server silent · nightlamp";
  const alerting = order.filter((patient) => patient.alerts.length > 0).length;
  return `${alerting > 0 ? `(${alerting}) ` : ""}${TITLES[place.page] ?? "nightlamp"} · nightlamp`;
}
