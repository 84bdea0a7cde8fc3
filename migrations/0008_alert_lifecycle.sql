-- The life of an alert: who acknowledged, snoozed or passed it on, when its chain went on, and when its severity changed. Alerts about
-- no patient (a feed, a channel) have none. Events from before have one cause each: their rule.

ALTER TABLE alert_events
    ALTER COLUMN patient_id DROP NOT NULL,
    ADD COLUMN cause text NOT NULL DEFAULT '',
    ADD COLUMN subject text NOT NULL DEFAULT '',
    ADD COLUMN by_key text NOT NULL DEFAULT '',
    ADD COLUMN by_role text NOT NULL DEFAULT '',
    ADD COLUMN to_role text NOT NULL DEFAULT '',
    ADD COLUMN note text NOT NULL DEFAULT '',
    ADD COLUMN until_at timestamptz,
    ADD COLUMN level smallint NOT NULL DEFAULT 0,
    ADD COLUMN held boolean NOT NULL DEFAULT false;
UPDATE alert_events SET cause = rule;
COMMENT ON COLUMN alert_events.kind IS
    '1 opened, 2 cleared, 3 acknowledged, 4 snoozed, 5 unsnoozed, 6 escalated, 7 reminded, 8 expired, 9 raised, 10 lowered.';
COMMENT ON COLUMN alert_events.cause IS 'What all rules of the alert share: one alert per patient and cause.';
COMMENT ON COLUMN alert_events.subject IS 'What a technical alert is about: a feed, a channel, a scorer.';
COMMENT ON COLUMN alert_events.by_key IS 'Id of the key of who did it; empty where the machine did.';
COMMENT ON COLUMN alert_events.note IS 'In the person''s own words; for those who may read alerts, never for logs or notifications.';
COMMENT ON COLUMN alert_events.level IS 'Steps of the escalation chain taken since it began to wait for an answer.';
COMMENT ON COLUMN alert_events.held IS 'Shown, but nobody was notified: storm cap or quiet hours.';

-- What is not cleared is asked for first.
CREATE INDEX alert_events_cleared ON alert_events (alert_id) WHERE kind = 2;
CREATE INDEX alert_events_opened ON alert_events (alert_id) WHERE kind = 1;

-- Each alert as it stands, under the patient its record belongs to now. The state is what the newest step says that is neither a
-- reminder (7) nor a lower severity (10).
CREATE OR REPLACE VIEW alerts AS
SELECT opened.alert_id, survivor(opened.patient_id) AS patient_id, opened.unit, opened.bed, latest.rule, opened.model,
       opened.version, opened.at AS opened_at, opened.value AS opened_value, told.reason, told.contributions,
       latest.kind, latest.severity, latest.value, latest.at AS changed_at, latest.seq, latest.ordinal,
       CASE WHEN latest.kind = 2 THEN latest.at END AS cleared_at, told.explanation,
       opened.patient_id AS record_id,
       CASE state.kind WHEN 2 THEN 'cleared' WHEN 3 THEN 'acknowledged' WHEN 4 THEN 'snoozed' WHEN 6 THEN 'escalated'
                       WHEN 8 THEN 'expired' ELSE 'open' END AS state,
       state.at AS state_at, opened.cause, opened.subject, state.by_key, state.by_role, state.to_role, state.note,
       state.until_at, latest.level, told.held, answered.at AS acknowledged_at, answered.by_key AS answered_by
FROM alert_events AS opened
CROSS JOIN LATERAL (
    SELECT kind, severity, rule, value, at, seq, ordinal, level
    FROM alert_events AS step
    WHERE step.alert_id = opened.alert_id
    ORDER BY seq DESC, ordinal DESC
    LIMIT 1
) AS latest
CROSS JOIN LATERAL (
    SELECT kind, at, by_key, by_role, to_role, note, until_at
    FROM alert_events AS step
    WHERE step.alert_id = opened.alert_id AND kind NOT IN (7, 10)
    ORDER BY seq DESC, ordinal DESC
    LIMIT 1
) AS state
CROSS JOIN LATERAL (
    SELECT reason, contributions, explanation, held
    FROM alert_events AS step
    WHERE step.alert_id = opened.alert_id AND kind IN (1, 9)
    ORDER BY seq DESC, ordinal DESC
    LIMIT 1
) AS told
LEFT JOIN LATERAL (
    SELECT at, by_key
    FROM alert_events AS step
    WHERE step.alert_id = opened.alert_id AND kind = 3
    ORDER BY seq, ordinal
    LIMIT 1
) AS answered ON true
WHERE opened.kind = 1;
