-- Every statement of the store, by name. Format: a line `-- name: what it does`, then one statement.

-- lock_cursor: the newest stored frame, locked until the transaction ends
SELECT seq, journal FROM store_cursor FOR UPDATE;

-- read_cursor: the newest stored frame
SELECT seq, journal FROM store_cursor;

-- move_cursor: the rows of all frames up to $1 are stored
UPDATE store_cursor SET seq = $1, moved_at = now();

-- session: a half-open line to us is noticed within 25 s: the dead must not keep the cursor's row locked
SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '3', false), set_config('idle_in_transaction_session_timeout', '60000', false);

-- end_backend: end our own earlier session, process $1, should it still wait for the rest of a line that broke
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE pid = $1 AND application_name = 'nightlamp store' AND datname = current_database() AND usename = current_user
  AND pid <> pg_backend_pid();

-- letter_of_row: a dead letter for a row that the database would not have
INSERT INTO dead_letters (seq, ordinal, received_at, source, principal, context, stage, reason, detail, location, raw)
VALUES ($1, $2, $3, $4, $5, $6, 'store', 'not_storable', $7, $8, $9);

-- claim_cursor: the sequence numbers here belong to the journal $1
UPDATE store_cursor SET journal = $1;

-- stage_patients: where COPY puts whom a batch speaks of; empty outside a transaction
CREATE TEMPORARY TABLE IF NOT EXISTS patients_seen (
    patient_id uuid NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL
) ON COMMIT DELETE ROWS;

-- derive_patients: everybody the frames $1 to $2 speak of; last_seen_at moves by steps of a minute to spare writes
WITH seen AS (
    SELECT patient_id, first_seen_at, last_seen_at FROM patients_seen
    UNION ALL
    SELECT patient_id, received_at, received_at FROM encounter_events WHERE seq BETWEEN $1 AND $2
)
INSERT INTO patients (patient_id, first_seen_at, last_seen_at)
SELECT patient_id, min(first_seen_at), max(last_seen_at) FROM seen GROUP BY patient_id ORDER BY patient_id
ON CONFLICT (patient_id) DO UPDATE SET
    first_seen_at = least(patients.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(patients.last_seen_at, excluded.last_seen_at)
WHERE patients.last_seen_at < excluded.last_seen_at - interval '1 minute'
   OR patients.first_seen_at > excluded.first_seen_at;

-- derive_demographics: birth day and sex as the frames $1 to $2 last stated them
UPDATE patients SET
    birth_day = coalesce(stated.birth_day, patients.birth_day),
    sex = coalesce(stated.sex, patients.sex)
FROM (
    SELECT patient_id,
           (array_agg(birth_day ORDER BY seq DESC, ordinal DESC) FILTER (WHERE birth_day IS NOT NULL))[1] AS birth_day,
           (array_agg(sex ORDER BY seq DESC, ordinal DESC) FILTER (WHERE sex IS NOT NULL))[1] AS sex
    FROM encounter_events WHERE seq BETWEEN $1 AND $2
    GROUP BY patient_id
) AS stated
WHERE patients.patient_id = stated.patient_id
  AND (patients.birth_day, patients.sex) IS DISTINCT FROM
      (coalesce(stated.birth_day, patients.birth_day), coalesce(stated.sex, patients.sex));

-- derive_identities: who is who as the frames $1 to $2 last stated it, the same however frames are cut into batches; an empty name
-- does not replace a known one, and a row under a retired identifier (it names none) replaces nothing
INSERT INTO identities (patient_id, authority, identifier, family, given, updated_seq)
SELECT patient_id,
       (array_agg(authority ORDER BY seq DESC, ordinal DESC))[1],
       (array_agg(identifier ORDER BY seq DESC, ordinal DESC))[1],
       coalesce((array_agg(family ORDER BY seq DESC, ordinal DESC) FILTER (WHERE family <> '' OR given <> ''))[1], ''),
       coalesce((array_agg(given ORDER BY seq DESC, ordinal DESC) FILTER (WHERE family <> '' OR given <> ''))[1], ''),
       max(seq)
FROM encounter_events WHERE seq BETWEEN $1 AND $2 AND identifier <> ''
GROUP BY patient_id
ORDER BY patient_id
ON CONFLICT (patient_id) DO UPDATE SET
    authority = excluded.authority, identifier = excluded.identifier, updated_seq = excluded.updated_seq,
    family = CASE WHEN excluded.family || excluded.given = '' THEN identities.family ELSE excluded.family END,
    given = CASE WHEN excluded.family || excluded.given = '' THEN identities.given ELSE excluded.given END;

-- derive_ward: encounters and bed stays, event by event, of the frames $1 to $2
CALL derive_ward($1, $2);

-- put_signal: one signal of the catalogue
INSERT INTO signals (id, name, unit, loinc) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, unit = excluded.unit, loinc = excluded.loinc;

-- put_model: one scorer, kept from its first load
INSERT INTO models (name, version, sha256, manifest) VALUES ($1, $2, $3, $4::jsonb)
ON CONFLICT (name, version, sha256) DO NOTHING;

-- make_partitions: room for the time from $2 before $1 to $3 after it
SELECT make_partitions($1, $2, $3);

-- compress_old: on a licensed TimescaleDB, compress chunks older than $1; true where that is so
SELECT compress_old($1);

-- drop_old: forget observations and scores older than $2 before $1
SELECT drop_old($1, $2);

-- patients: the ward, or with $4 everybody but records merged into another, after the patient $2; $1 a unit or NULL, $5 units that may be seen or NULL
SELECT p.patient_id, p.first_seen_at, p.last_seen_at, p.sex,
       date_part('year', age(now(), p.birth_day))::int AS age_years,
       stay.unit, stay.bed, stay.started_at AS in_bed_since,
       p.birth_day, i.authority, i.identifier, i.family, i.given
FROM patients AS p
LEFT JOIN bed_stays AS stay ON stay.patient_id = p.patient_id AND stay.ended_at IS NULL
LEFT JOIN identities AS i ON i.patient_id = p.patient_id
WHERE p.patient_id NOT IN (SELECT record_id FROM former_records)
  AND ($2::uuid IS NULL OR p.patient_id > $2)
  AND ($1::text IS NULL OR stay.unit = $1)
  AND ($4::boolean OR stay.unit IS NOT NULL)
  AND ($5::text[] IS NULL OR stay.unit = ANY ($5))
ORDER BY p.patient_id
LIMIT $3;

-- patient: who the record $1 is (itself, or whom it was merged into), and where he or she lies, or last lay
SELECT p.patient_id, coalesce(stay.unit, '') AS unit
FROM patients AS p
LEFT JOIN LATERAL (
    SELECT unit FROM bed_stays WHERE patient_id = ANY (records_of(p.patient_id))
    ORDER BY (ended_at IS NULL) DESC, cancelled, started_at DESC LIMIT 1
) AS stay ON true
WHERE p.patient_id = survivor($1);

-- observations: current values of patient $1 (a survivor), newest first, from $2 to before $3; $4 signal names or NULL; after ($5, $6)
SELECT o.observed_at, s.id AS signal_id, s.name AS signal, s.unit, o.value, o.status, o.source, o.received_at, o.seq, o.ordinal
FROM signals AS s
CROSS JOIN LATERAL (
    (SELECT * FROM observations_of_record AS current
    WHERE current.patient_id = $1 AND current.signal_id = s.id AND cardinality(records_of($1)) = 1
      AND current.observed_at >= $2 AND current.observed_at < $3
      AND ($5::timestamptz IS NULL OR current.observed_at < $5 OR (current.observed_at = $5 AND s.id > $6::smallint))
    ORDER BY current.observed_at DESC
    LIMIT $7)
    UNION ALL
    (SELECT * FROM observations_current AS current
    WHERE current.patient_id = $1 AND current.signal_id = s.id AND cardinality(records_of($1)) > 1
      AND current.observed_at >= $2 AND current.observed_at < $3
      AND ($5::timestamptz IS NULL OR current.observed_at < $5 OR (current.observed_at = $5 AND s.id > $6::smallint))
    ORDER BY current.observed_at DESC
    LIMIT $7)
) AS o
WHERE $4::text[] IS NULL OR s.name = ANY ($4)
ORDER BY o.observed_at DESC, s.id
LIMIT $7;

-- one_patient: patient $1 (a survivor) with the beginning of the stay under way, or of the last one
SELECT p.patient_id, p.first_seen_at, p.last_seen_at, p.sex,
       date_part('year', age(now(), p.birth_day))::int AS age_years,
       stay.unit, stay.bed, stay.started_at AS in_bed_since, encounter.started_at AS admitted_at, encounter.ended_at AS discharged_at,
       p.birth_day, i.authority, i.identifier, i.family, i.given
FROM patients AS p
LEFT JOIN bed_stays AS stay ON stay.patient_id = p.patient_id AND stay.ended_at IS NULL
LEFT JOIN identities AS i ON i.patient_id = p.patient_id
LEFT JOIN LATERAL (
    SELECT started_at, ended_at FROM encounters
    WHERE patient_id = ANY (records_of(p.patient_id)) AND NOT cancelled
    ORDER BY (ended_at IS NULL) DESC, encounter_id DESC LIMIT 1
) AS encounter ON true
WHERE p.patient_id = $1;

-- history_rows: how many rows of patient $1 and the signals $4 (or all) lie from $2 to before $3, counted to $5
SELECT count(*) AS rows FROM (
    SELECT FROM signals AS s JOIN observations AS o ON o.signal_id = s.id
    WHERE o.patient_id = ANY (records_of($1)) AND o.observed_at >= $2 AND o.observed_at < $3
      AND ($4::text[] IS NULL OR s.name = ANY ($4))
    LIMIT $5
) AS counted;

-- history: values of patient $1 (a survivor) held true now, from $2 to before $3, of the signals $4 (or all), in buckets of $5 seconds
SELECT s.name AS signal, s.unit, o.bucket, o.low, o.high, o.last, o.last_at
FROM signals AS s
CROSS JOIN LATERAL (
    SELECT floor(extract(epoch FROM known.observed_at - $2) / $5::double precision)::int AS bucket,
           min(known.value) AS low, max(known.value) AS high,
           (array_agg(known.value ORDER BY known.observed_at DESC))[1] AS last, max(known.observed_at) AS last_at
    FROM (
        SELECT observed_at, value FROM observations_of_record AS current
        WHERE current.patient_id = $1 AND current.signal_id = s.id AND cardinality(records_of($1)) = 1
          AND current.observed_at >= $2 AND current.observed_at < $3
        UNION ALL
        SELECT observed_at, value FROM observations_current AS current
        WHERE current.patient_id = $1 AND current.signal_id = s.id AND cardinality(records_of($1)) > 1
          AND current.observed_at >= $2 AND current.observed_at < $3
    ) AS known
    GROUP BY 1
) AS o
WHERE $4::text[] IS NULL OR s.name = ANY ($4)
ORDER BY s.id, o.bucket;

-- history_sampled: the same where the rows are too many to read: the last value of each of the $6 buckets, found by index
SELECT s.name AS signal, s.unit, b.bucket, NULL::double precision AS low, NULL::double precision AS high,
       o.value AS last, o.observed_at AS last_at
FROM signals AS s
CROSS JOIN generate_series(0, $6::int - 1) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT one.observed_at, one.value FROM observations AS one
    WHERE one.patient_id = ANY (records_of($1)) AND one.signal_id = s.id AND one.status <> 4
      AND one.observed_at >= $2::timestamptz + make_interval(secs => b.bucket * $5::double precision)
      AND one.observed_at < least($3::timestamptz, $2::timestamptz + make_interval(secs => (b.bucket + 1) * $5::double precision))
      AND NOT EXISTS (
          SELECT FROM observations AS newer
          WHERE newer.patient_id = one.patient_id AND newer.signal_id = one.signal_id
            AND newer.observed_at = one.observed_at AND (newer.seq, newer.ordinal) > (one.seq, one.ordinal))
    ORDER BY one.observed_at DESC
    LIMIT 1
) AS o
WHERE ($4::text[] IS NULL OR s.name = ANY ($4))
ORDER BY s.id, b.bucket;

-- score_history: scores of patient $1 (a survivor), under whatever record, from $2 to before $3 in buckets of $4 seconds
SELECT model, bucket, min(value) AS low, max(value) AS high,
       (array_agg(value ORDER BY scored_at DESC, seq DESC, ordinal DESC))[1] AS last, max(scored_at) AS last_at
FROM (
    SELECT model, value, scored_at, seq, ordinal,
           floor(extract(epoch FROM scored_at - $2) / $4::double precision)::int AS bucket
    FROM scores
    WHERE patient_id = ANY (records_of($1)) AND scored_at >= $2 AND scored_at < $3 AND value <> 'NaN'
) AS scored
GROUP BY model, bucket
ORDER BY model, bucket;

-- scores: of patient $1 (a survivor), newest first, from $2 to before $3; $4 a model or NULL; after ($5, $6, $7). Record by record, so that
-- each page is read from the index in its order: a list of records would be read whole, and sorted
SELECT page.*
FROM unnest(records_of($1)) AS own (record_id)
CROSS JOIN LATERAL (
    SELECT scored_at, seq, ordinal, model, version, model_sha256, raw, value, band, present, expected,
           input_values, input_ages_s, input_points, features,
           (SELECT array_agg(coalesce(s.name, input.id::text) ORDER BY input.place)
            FROM unnest(input_signals) WITH ORDINALITY AS input (id, place) LEFT JOIN signals AS s USING (id)) AS input_names
    FROM scores
    WHERE patient_id = own.record_id AND scored_at >= $2 AND scored_at < $3
      AND ($4::text IS NULL OR model = $4)
      AND ($5::timestamptz IS NULL OR (scored_at, seq, ordinal) < ($5, $6::bigint, $7::integer))
    ORDER BY scored_at DESC, seq DESC, ordinal DESC
    LIMIT $8
) AS page
ORDER BY scored_at DESC, seq DESC, ordinal DESC
LIMIT $8;

-- score: of patient $1 at $2, by the frame $3, its $4th row
SELECT scored_at, seq, ordinal, model, version, model_sha256, raw, value, band, present, expected,
       input_values, input_ages_s, input_points, features,
       (SELECT array_agg(coalesce(s.name, input.id::text) ORDER BY input.place)
        FROM unnest(input_signals) WITH ORDINALITY AS input (id, place) LEFT JOIN signals AS s USING (id)) AS input_names
FROM scores
WHERE patient_id = ANY (records_of($1)) AND scored_at = $2 AND seq = $3::bigint AND ordinal = $4::integer;

-- scores_of_frames: rows of patient $1 scored at the times $2 by the frames $3, to compare with what a replay computes
SELECT scored_at, seq, ordinal, model, version, model_sha256, raw, value, band, present, expected,
       input_values, input_ages_s, input_points, features,
       (SELECT array_agg(coalesce(s.name, input.id::text) ORDER BY input.place)
        FROM unnest(input_signals) WITH ORDINALITY AS input (id, place) LEFT JOIN signals AS s USING (id)) AS input_names
FROM scores
WHERE patient_id = $1 AND scored_at = ANY ($2::timestamptz[]) AND seq = ANY ($3::bigint[]);

-- models_used: the newest model of each name that scored patient $1 from $2 through $3; rules have no hash and are left out
SELECT DISTINCT ON (model) model, version, model_sha256
FROM scores
WHERE patient_id = $1 AND scored_at >= $2 AND scored_at <= $3 AND model_sha256 <> ''
ORDER BY model, scored_at DESC, seq DESC;

-- alerts: newest first, before the alert $1 or NULL; $2 patient, $3 unit, $4 open, $5 from, $6 to, $7 units, each or NULL
SELECT * FROM alerts
WHERE ($1::bigint IS NULL OR alert_id < $1)
  AND ($2::uuid IS NULL OR record_id = ANY (records_of($2)))
  AND ($3::text IS NULL OR unit = $3)
  AND ($4::boolean IS NULL OR (cleared_at IS NULL) = $4)
  AND ($5::timestamptz IS NULL OR opened_at >= $5)
  AND ($6::timestamptz IS NULL OR opened_at < $6)
  AND ($7::text[] IS NULL OR unit = ANY ($7))
ORDER BY alert_id DESC
LIMIT $8;

-- alerts_standing: not cleared, newest first, before the alert $1 or NULL; $2 patient, $3 unit, $4 units, $5 from, $6 to, $7 state, each or NULL; $9 only those about no patient
WITH standing AS MATERIALIZED (
    SELECT alert_id
    FROM alerts_open
    CROSS JOIN LATERAL (
        SELECT patient_id, at FROM alert_events AS step WHERE step.alert_id = alerts_open.alert_id AND kind = 1 LIMIT 1
    ) AS opened
    CROSS JOIN LATERAL (
        SELECT unit FROM alert_events AS step WHERE step.alert_id = alerts_open.alert_id ORDER BY seq DESC, ordinal DESC LIMIT 1
    ) AS newest -- where its patient is now
    WHERE ($1::bigint IS NULL OR alert_id < $1)
      AND ($2::uuid IS NULL OR patient_id = ANY (records_of($2)))
      AND (NOT $9::boolean OR patient_id IS NULL)
      AND ($3::text IS NULL OR unit = $3)
      AND ($4::text[] IS NULL OR unit = ANY ($4) OR (patient_id IS NULL AND coalesce(unit, '') = '')) -- a feed, a channel: everybody's
      AND ($5::timestamptz IS NULL OR at >= $5)
      AND ($6::timestamptz IS NULL OR at < $6)
    ORDER BY alert_id DESC
    LIMIT CASE WHEN $7::text IS NULL THEN $8::bigint END
)
SELECT alerts.*
FROM standing
CROSS JOIN LATERAL (SELECT * FROM alerts WHERE alerts.alert_id = standing.alert_id OFFSET 0) AS alerts -- one by one, whatever the plan
WHERE $7::text IS NULL OR alerts.state = $7
ORDER BY alert_id DESC
LIMIT $8;

-- alerts_over: cleared, newest first, before the alert $1 or NULL; $2 patient, $3 unit, $4 units, $5 from, $6 to, each or NULL; $8 only those about no patient
WITH over AS MATERIALIZED (
    SELECT alert_id FROM alert_events AS opened
    WHERE kind = 1 AND ($1::bigint IS NULL OR alert_id < $1)
      AND ($2::uuid IS NULL OR patient_id = ANY (records_of($2)))
      AND (NOT $8::boolean OR patient_id IS NULL)
      AND ($5::timestamptz IS NULL OR at >= $5)
      AND ($6::timestamptz IS NULL OR at < $6)
      AND EXISTS (
          SELECT FROM alert_events AS cleared
          WHERE cleared.alert_id = opened.alert_id AND cleared.kind = 2
            AND ($3::text IS NULL OR cleared.unit = $3)
            AND ($4::text[] IS NULL OR cleared.unit = ANY ($4) OR (opened.patient_id IS NULL AND coalesce(cleared.unit, '') = ''))
      )
    ORDER BY alert_id DESC
    LIMIT $7
)
SELECT alerts.* FROM over JOIN alerts USING (alert_id)
ORDER BY alert_id DESC;

-- alert: one alert as it stands
SELECT * FROM alerts WHERE alert_id = $1;

-- alert_history: the newest $2 steps of each of the alerts $1, in order
SELECT newest.*
FROM unnest($1::bigint[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT alert_id, seq, ordinal, kind, severity, rule, at, value, reason, by_key, by_role, to_role, note, until_at, level, held,
           unit, bed
    FROM alert_events
    WHERE alert_id = wanted.id
    ORDER BY seq DESC, ordinal DESC
    LIMIT $2
) AS newest
ORDER BY alert_id, seq, ordinal;

-- alert_events: steps in order, after (seq $1, ordinal $2), through (seq $3, ordinal $4) or, with NULL, all
SELECT * FROM alert_events
WHERE (seq, ordinal) > ($1::bigint, $2::integer)
  AND ($3::bigint IS NULL OR (seq, ordinal) <= ($3, $4::integer))
ORDER BY seq, ordinal
LIMIT $5;

-- dead_letters: newest first, before (seq $1, ordinal $2) or NULL; $3 a reason or NULL; $4 only what was not replayed
SELECT d.seq, d.ordinal, d.received_at, d.source, d.principal, d.context, d.stage, d.reason, d.detail, d.location,
       replay.replayed_seq, replay.replayed_at
FROM dead_letters AS d
LEFT JOIN LATERAL (
    SELECT replayed_seq, replayed_at FROM dead_letter_replays AS r WHERE r.seq = d.seq ORDER BY replayed_seq DESC LIMIT 1
) AS replay ON true
WHERE ($1::bigint IS NULL OR (d.seq, d.ordinal) < ($1, $2::integer))
  AND ($3::text IS NULL OR d.reason = $3)
  AND (NOT $4::boolean OR replay.replayed_seq IS NULL)
ORDER BY d.seq DESC, d.ordinal DESC
LIMIT $5;

-- dead_letter: all dead letters of the frame $1, with the frame's bytes in the first
SELECT d.*, replay.replayed_seq, replay.replayed_at
FROM dead_letters AS d
LEFT JOIN LATERAL (
    SELECT replayed_seq, replayed_at FROM dead_letter_replays AS r WHERE r.seq = d.seq ORDER BY replayed_seq DESC LIMIT 1
) AS replay ON true
WHERE d.seq = $1
ORDER BY d.ordinal;

-- policy_changes: newest first, before the frame $1 or NULL
SELECT seq, at, by_key, note, sha256, policy, refused FROM policy_changes
WHERE $1::bigint IS NULL OR seq < $1
ORDER BY seq DESC
LIMIT $2;

-- drop_alerts: the steps of at most $2 alerts that were cleared before $1; of how many
WITH over AS MATERIALIZED (
    SELECT alert_id FROM alert_events WHERE kind = 2 AND at < $1 LIMIT $2
), gone AS (
    DELETE FROM alert_events WHERE alert_id IN (SELECT alert_id FROM over) RETURNING alert_id
)
SELECT count(DISTINCT alert_id) FROM gone;

-- drop_deliveries: at most $2 messages about steps before $1; how many
WITH gone AS (
    DELETE FROM notification_deliveries
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM notification_deliveries WHERE at < $1 LIMIT $2)) RETURNING 1
)
SELECT count(*) FROM gone;

-- own_tables: every table of this schema that is no partition: its columns, the tables it refers to, about how many rows
SELECT c.relname::text AS name,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
             ORDER BY a.attnum) AS columns,
       ARRAY(SELECT r.relname::text FROM pg_constraint k JOIN pg_class r ON r.oid = k.confrelid
             WHERE k.conrelid = c.oid AND k.contype = 'f' AND r.oid <> c.oid) AS needs,
       greatest(c.reltuples, 0, (SELECT sum(greatest(p.reltuples, 0)) FROM pg_inherits i
                                 JOIN pg_class p ON p.oid = i.inhrelid WHERE i.inhparent = c.oid))::bigint AS rows_about
FROM pg_class c
WHERE c.relnamespace = current_schema()::text::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition AND c.relpersistence = 'p'
ORDER BY c.relname;

-- own_sequences: every sequence of this schema
SELECT c.relname::text AS name FROM pg_class c
WHERE c.relnamespace = current_schema()::text::regnamespace AND c.relkind = 'S' AND c.relpersistence = 'p'
ORDER BY 1;

-- series_partitions: when the native partitions of each table by time begin
SELECT s.name, array_agg(to_char(to_timestamp(right(p.relname, 13), 'YYYYMMDD"T"HH24MI')::timestamp,
                                 'YYYY-MM-DD"T"HH24:MI"+00:00"') ORDER BY p.relname) AS starts
FROM series s JOIN pg_inherits i ON i.inhparent = to_regclass(s.name) JOIN pg_class p ON p.oid = i.inhrelid
WHERE p.relname ~ '_\d{8}T\d{4}$'
GROUP BY s.name;

-- series_chunks: when the chunks of each hypertable begin
SELECT s.name, array_agg(to_char(c.range_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"+00:00"')
                         ORDER BY c.range_start) AS starts
FROM series s JOIN timescaledb_information.chunks c ON c.hypertable_name = s.name
GROUP BY s.name;
