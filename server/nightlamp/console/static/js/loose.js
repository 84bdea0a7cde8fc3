// Alerts about no patient (a feed, a channel, a storm): the stream tells their steps, the server's list those from before.
import { get } from "./api.js";

const PAGE = 500;

/** Alerts that are not cleared and about no patient, in the shape of the stream. */
export async function looseAlerts() {
  const { items } = await get(`/v1/alerts?state=active&patient=none&history=false&limit=${PAGE}`);
  return items.map((alert) => ({
    id: alert.alert_id, patient: "", unit: alert.unit ?? "", bed: alert.bed ?? "", rule: alert.rule, subject: alert.subject,
    severity: alert.severity, reason: alert.reason, state: alert.state, at_ms: Date.parse(alert.opened_at),
    changed_ms: alert.state_at ? Date.parse(alert.state_at) : null, role: alert.role, to: alert.to,
    note: alert.note, until_ms: alert.until_at ? Date.parse(alert.until_at) : null, level: alert.level,
  }));
}
