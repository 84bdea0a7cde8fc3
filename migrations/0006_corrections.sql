-- Corrections. Events that did not happen (A11, A12, A13) undo their encounters and stays, which stay in the tables, marked; two
-- records of one person (A40) are read as one. Rows keep the id they were written under: views and queries resolve it.

COMMENT ON COLUMN encounter_events.kind IS
    '1 admit, 2 transfer, 3 discharge, 4 register, 5 update, 6 cancel admit, 7 cancel transfer, 8 cancel discharge, 9 merge.';
ALTER TABLE encounters ADD COLUMN cancelled boolean NOT NULL DEFAULT false;
ALTER TABLE bed_stays ADD COLUMN cancelled boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN encounters.cancelled IS 'Its admission was cancelled.';
COMMENT ON COLUMN bed_stays.cancelled IS 'The event that began it was cancelled.';

-- Every merge that took effect, append-only.
CREATE TABLE patient_merges (
    seq bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    former_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    ordinal integer NOT NULL
);
CREATE INDEX patient_merges_in_order ON patient_merges (seq, ordinal);

-- What follows from them: who a former record is now. Of two values of one time that of the lower rank holds: the survivor's own
-- (0), then those of a record that was joined earlier.
CREATE TABLE former_records (
    record_id uuid PRIMARY KEY,
    patient_id uuid NOT NULL,
    rank integer NOT NULL
);
CREATE INDEX former_records_of ON former_records (patient_id, rank);

-- The survivor of a record: itself where it was never merged.
CREATE FUNCTION survivor(record uuid) RETURNS uuid
LANGUAGE sql STABLE
AS $$ SELECT coalesce((SELECT patient_id FROM former_records WHERE record_id = record), record) $$;

-- All records of a patient, the own one first.
CREATE FUNCTION records_of(patient uuid) RETURNS uuid[]
LANGUAGE sql STABLE
AS $$ SELECT patient || coalesce(array_agg(record_id ORDER BY rank), '{}') FROM former_records WHERE patient_id = patient $$;

-- The newest statement about each record, signal and time, unless it withdrew the value.
CREATE VIEW observations_of_record AS
SELECT * FROM (
    SELECT DISTINCT ON (patient_id, signal_id, observed_at) *
    FROM observations
    ORDER BY patient_id, signal_id, observed_at DESC, seq DESC, ordinal DESC
) AS newest
WHERE status <> 4;

-- What is held true now of each patient, signal and time, whatever record it was written under.
CREATE OR REPLACE VIEW observations_current AS
SELECT seq, observed_at, received_at, value, patient_id, ordinal, signal_id, status, source FROM (
    SELECT DISTINCT ON (known.patient_id, o.signal_id, o.observed_at)
           o.seq, o.observed_at, o.received_at, o.value, known.patient_id, o.ordinal, o.signal_id, o.status, o.source
    FROM (
        SELECT patient_id AS record_id, patient_id, 0 AS rank FROM patients
        WHERE patient_id NOT IN (SELECT record_id FROM former_records)
        UNION ALL
        SELECT record_id, patient_id, rank FROM former_records
    ) AS known
    JOIN observations AS o ON o.patient_id = known.record_id
    ORDER BY known.patient_id, o.signal_id, o.observed_at DESC, known.rank, o.seq DESC, o.ordinal DESC
) AS newest
WHERE status <> 4;

-- One merge: the former record and all that were joined to it follow the survivor's.
CREATE PROCEDURE derive_merge(m patient_merges)
LANGUAGE plpgsql
AS $$
DECLARE
    joined integer;
BEGIN
    SELECT coalesce(max(rank), 0) + 1 INTO joined FROM former_records WHERE patient_id = m.patient_id;
    UPDATE former_records SET patient_id = m.patient_id, rank = rank + joined WHERE patient_id = m.former_id;
    INSERT INTO former_records VALUES (m.former_id, m.patient_id, joined)
    ON CONFLICT (record_id) DO UPDATE SET patient_id = excluded.patient_id, rank = excluded.rank;
    -- Who lies in the bed now is said by the event's row.
    UPDATE bed_stays SET ended_at = greatest(m.occurred_at, started_at), ended_seq = m.seq
    WHERE patient_id = m.former_id AND ended_at IS NULL;
END
$$;

-- One ADT event in the life of a patient's encounters. A visit number names the encounter; without one it is the latest. A stale
-- event fills what is blank; of an encounter that a newer one has followed it still tells the end. A cancelled discharge goes on
-- with the encounter it ended, a cancelled admission ends and marks it.
CREATE OR REPLACE PROCEDURE derive_encounter(e encounter_events)
LANGUAGE plpgsql
AS $$
DECLARE
    found_id bigint;
    own uuid[] := records_of(e.patient_id);
BEGIN
    IF e.kind = 9 THEN
        RETURN;
    ELSIF e.kind = 8 AND NOT e.stale THEN
        SELECT encounter_id INTO found_id FROM encounters
        WHERE patient_id = ANY (own) AND ended_at IS NOT NULL AND NOT cancelled
        ORDER BY (visit = e.visit AND visit <> '') DESC, encounter_id DESC
        LIMIT 1;
    ELSE
        SELECT encounter_id INTO found_id FROM encounters
        WHERE patient_id = ANY (own) AND NOT cancelled
          AND (visit = e.visit OR ((visit = '' OR e.visit = '') AND ended_at IS NULL))
          AND (e.visit <> '' OR ended_at IS NULL)
        ORDER BY (visit = e.visit) DESC, encounter_id DESC
        LIMIT 1;
    END IF;
    IF found_id IS NOT NULL THEN
        UPDATE encounters SET
            visit = CASE WHEN e.visit = '' OR (e.stale AND visit <> '') THEN visit ELSE e.visit END,
            class = CASE WHEN e.class = '' OR (e.stale AND class <> '') THEN class ELSE e.class END,
            started_at = coalesce(CASE WHEN NOT e.stale THEN e.admitted_at END, started_at),
            ended_at = CASE
                WHEN e.kind = 3 AND (NOT e.stale OR EXISTS (
                    SELECT FROM encounters AS later WHERE later.patient_id = e.patient_id AND later.encounter_id > found_id
                )) THEN greatest(e.occurred_at, coalesce(e.admitted_at, started_at))
                WHEN e.kind = 6 AND NOT e.stale THEN greatest(e.occurred_at, started_at)
                WHEN e.kind IN (1, 2, 4, 8) AND e.here AND NOT e.stale THEN NULL -- back in the house
                ELSE ended_at END,
            cancelled = cancelled OR (e.kind = 6 AND NOT e.stale),
            updated_seq = e.seq
        WHERE encounter_id = found_id;
    ELSIF (e.here OR e.leaves) AND NOT e.stale AND e.kind < 6 THEN
        INSERT INTO encounters VALUES (
            e.seq << 16 | e.ordinal, e.patient_id, e.visit, e.class, coalesce(e.admitted_at, e.occurred_at),
            CASE WHEN e.leaves THEN e.occurred_at END, e.seq);
    END IF;
END
$$;

-- One ADT event in the use of beds: after it the patient lies where the engine says, alone, and nowhere else. A stay never ends
-- before it began. What a cancellation undoes is marked; back in a bed that nobody else had meanwhile, the stay goes on.
CREATE OR REPLACE PROCEDURE derive_stay(e encounter_events)
LANGUAGE plpgsql
AS $$
DECLARE
    own uuid[] := records_of(e.patient_id);
BEGIN
    UPDATE bed_stays AS stay SET
        ended_at = greatest(e.occurred_at, started_at), ended_seq = e.seq,
        cancelled = e.kind = 6 OR (e.kind = 7 AND EXISTS (
            SELECT FROM encounter_events AS began
            WHERE began.seq = stay.started_seq AND began.patient_id = stay.patient_id AND began.kind = 2))
    WHERE ended_at IS NULL
      AND ((patient_id = ANY (own) AND (unit, bed) IS DISTINCT FROM (e.lies_unit, e.lies_bed))
        OR (patient_id <> ALL (own) AND unit = e.lies_unit AND bed = e.lies_bed));
    IF e.kind IN (7, 8) AND e.lies_bed IS NOT NULL THEN
        UPDATE bed_stays SET ended_at = NULL, ended_seq = NULL
        WHERE ctid = (
            SELECT ctid FROM bed_stays AS newest WHERE unit = e.lies_unit AND bed = e.lies_bed AND NOT cancelled
            ORDER BY started_seq DESC LIMIT 1)
          AND patient_id = e.patient_id AND ended_at IS NOT NULL;
    END IF;
    IF e.lies_bed IS NOT NULL AND NOT EXISTS (
        SELECT FROM bed_stays WHERE patient_id = ANY (own) AND ended_at IS NULL
    ) THEN
        INSERT INTO bed_stays VALUES (e.patient_id, e.lies_unit, e.lies_bed, e.occurred_at, NULL, e.seq, NULL);
    END IF;
END
$$;

-- Brings encounters and bed stays up to date with the ADT events of the frames first_seq to last_seq, in their order.
CREATE OR REPLACE PROCEDURE derive_ward(first_seq bigint, last_seq bigint)
LANGUAGE plpgsql
AS $$
DECLARE
    e encounter_events;
    m patient_merges;
BEGIN
    FOR e IN SELECT * FROM encounter_events WHERE seq BETWEEN first_seq AND last_seq ORDER BY seq, ordinal LOOP
        IF e.kind = 9 THEN
            FOR m IN SELECT * FROM patient_merges WHERE seq = e.seq AND ordinal = e.ordinal LOOP
                CALL derive_merge(m);
            END LOOP;
        END IF;
        CALL derive_encounter(e);
        CALL derive_stay(e);
    END LOOP;
END
$$;

-- Each alert as it stands, under the patient its record belongs to now.
CREATE OR REPLACE VIEW alerts AS
SELECT opened.alert_id, survivor(opened.patient_id) AS patient_id, opened.unit, opened.bed, opened.rule, opened.model,
       opened.version, opened.at AS opened_at, opened.value AS opened_value, opened.reason, opened.contributions,
       latest.kind, latest.severity, latest.value, latest.at AS changed_at, latest.seq, latest.ordinal,
       CASE WHEN latest.kind = 2 THEN latest.at END AS cleared_at, opened.explanation,
       opened.patient_id AS record_id
FROM alert_events AS opened
CROSS JOIN LATERAL (
    SELECT kind, severity, value, at, seq, ordinal
    FROM alert_events AS step
    WHERE step.alert_id = opened.alert_id
    ORDER BY seq DESC, ordinal DESC
    LIMIT 1
) AS latest
WHERE opened.kind = 1;
