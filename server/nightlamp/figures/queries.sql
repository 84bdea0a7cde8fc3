-- Statements of the figures, named as in store/queries.sql.

-- alert_figures: by unit, alerts opened from $1 to before $2; $3 a unit or NULL, $4 units that may be seen or NULL; $5 units of
-- higher care, a move there within $6 is an outcome; $7 now. Only alerts whose $6 are over are judged: an early outcome shows at once, its
-- absence only then, so counting the early ones would be counting the hits alone. No day that is still to come counts.
WITH opened AS (
    SELECT alert_id, coalesce(unit, '') AS unit, patient_id, severity, at, held
    FROM alert_events
    WHERE kind = 1 AND at >= $1 AND at < $2
      AND ($3::text IS NULL OR unit = $3) AND ($4::text[] IS NULL OR unit = ANY ($4))
), lives AS (
    SELECT o.alert_id,
           extract(epoch FROM min(s.at) FILTER (WHERE s.kind = 3) - o.at)::float8 AS answered_s,
           bool_or(s.kind = 3) AS acknowledged, bool_or(s.kind = 4) AS snoozed, bool_or(s.kind = 6) AS escalated,
           bool_or(s.kind = 8) AS expired, bool_or(s.kind = 2) AS cleared
    FROM opened AS o JOIN alert_events AS s USING (alert_id)
    GROUP BY o.alert_id, o.at
), judged AS (
    SELECT o.alert_id,
           EXISTS (SELECT FROM bed_stays AS stay
                   WHERE stay.patient_id = ANY (records_of(survivor(o.patient_id))) AND NOT stay.cancelled
                     AND stay.unit = ANY ($5::text[]) AND stay.started_at > o.at AND stay.started_at <= o.at + $6::interval
                  ) AS followed,
           o.at + $6::interval <= $7::timestamptz AS over
    FROM opened AS o
    WHERE o.severity > 0 AND o.patient_id IS NOT NULL AND o.unit <> ALL ($5::text[]) AND cardinality($5::text[]) > 0
), beds AS (
    SELECT unit, sum(extract(epoch FROM least(coalesce(ended_at, $7), $2, $7) - greatest(started_at, $1)))::float8 / 86400 AS days
    FROM bed_stays
    WHERE NOT cancelled AND started_at < least($2, $7) AND (ended_at IS NULL OR ended_at > $1) AND $1 < $7
      AND ($3::text IS NULL OR unit = $3) AND ($4::text[] IS NULL OR unit = ANY ($4))
    GROUP BY unit
), counted AS (
    SELECT o.unit,
           count(*) FILTER (WHERE o.severity = 0) AS technical,
           count(*) FILTER (WHERE o.severity = 1) AS low,
           count(*) FILTER (WHERE o.severity = 2) AS medium,
           count(*) FILTER (WHERE o.severity = 3) AS high,
           count(*) FILTER (WHERE o.severity > 0 AND o.held) AS held,
           count(*) FILTER (WHERE o.severity > 0 AND l.acknowledged) AS acknowledged,
           count(*) FILTER (WHERE o.severity > 0 AND l.snoozed) AS snoozed,
           count(*) FILTER (WHERE o.severity > 0 AND l.escalated) AS escalated,
           count(*) FILTER (WHERE o.severity > 0 AND l.expired) AS expired,
           count(*) FILTER (WHERE o.severity > 0 AND l.cleared) AS cleared,
           array_agg(l.answered_s ORDER BY l.answered_s) FILTER (WHERE o.severity > 0 AND l.answered_s IS NOT NULL) AS answered_s,
           count(*) FILTER (WHERE j.followed AND j.over) AS followed,
           count(*) FILTER (WHERE j.over) AS judged
    FROM opened AS o JOIN lives AS l USING (alert_id) LEFT JOIN judged AS j USING (alert_id)
    GROUP BY o.unit
)
SELECT coalesce(counted.unit, beds.unit) AS unit, coalesce(beds.days, 0) AS patient_days,
       coalesce(technical, 0) AS technical, coalesce(low, 0) AS low, coalesce(medium, 0) AS medium, coalesce(high, 0) AS high,
       coalesce(held, 0) AS held, coalesce(acknowledged, 0) AS acknowledged, coalesce(snoozed, 0) AS snoozed,
       coalesce(escalated, 0) AS escalated, coalesce(expired, 0) AS expired, coalesce(cleared, 0) AS cleared,
       coalesce(answered_s, '{}') AS answered_s, coalesce(followed, 0) AS followed, coalesce(judged, 0) AS judged
FROM counted FULL JOIN beds ON beds.unit = counted.unit
ORDER BY 1
LIMIT 501;
