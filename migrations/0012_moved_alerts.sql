-- An alert goes along with its patient: a step of kind 11 says where to. It changes no state, and the alert is where its newest step is.

COMMENT ON COLUMN alert_events.kind IS
    '1 opened, 2 cleared, 3 acknowledged, 4 snoozed, 5 unsnoozed, 6 escalated, 7 reminded, 8 expired, 9 raised, 10 lowered, 11 moved.';

CREATE OR REPLACE VIEW alerts AS
SELECT opened.alert_id, survivor(opened.patient_id) AS patient_id, latest.unit, latest.bed, latest.rule, opened.model,
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
    SELECT kind, severity, rule, value, at, seq, ordinal, level, unit, bed
    FROM alert_events AS step
    WHERE step.alert_id = opened.alert_id
    ORDER BY seq DESC, ordinal DESC
    LIMIT 1
) AS latest
CROSS JOIN LATERAL (
    SELECT kind, at, by_key, by_role, to_role, note, until_at
    FROM alert_events AS step
    WHERE step.alert_id = opened.alert_id AND kind NOT IN (7, 10, 11)
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
