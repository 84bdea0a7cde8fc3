-- Why an alert opened, in words: beside the shares by feature (contributions) the reasons by signal, most important first, each
-- {about, share, direction, missing, words}. Alerts from before have none.
ALTER TABLE alert_events ADD COLUMN explanation jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN alert_events.explanation IS 'Reasons by signal in words, most important first; no identity.';

CREATE OR REPLACE VIEW alerts AS
SELECT opened.alert_id, opened.patient_id, opened.unit, opened.bed, opened.rule, opened.model, opened.version,
       opened.at AS opened_at, opened.value AS opened_value, opened.reason, opened.contributions,
       latest.kind, latest.severity, latest.value, latest.at AS changed_at, latest.seq, latest.ordinal,
       CASE WHEN latest.kind = 2 THEN latest.at END AS cleared_at, opened.explanation
FROM alert_events AS opened
CROSS JOIN LATERAL (
    SELECT kind, severity, value, at, seq, ordinal
    FROM alert_events AS step
    WHERE step.alert_id = opened.alert_id
    ORDER BY seq DESC, ordinal DESC
    LIMIT 1
) AS latest
WHERE opened.kind = 1;
