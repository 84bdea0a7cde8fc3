-- A cancelled admission or transfer undoes every stay that it began, not only the last. After two records were merged, what was
-- written under the former one is the patient's own: a stay the patient comes back into, an encounter that another followed.

ALTER TABLE encounter_events ADD COLUMN recorded_at timestamptz, ADD COLUMN undone_since_at timestamptz;
COMMENT ON COLUMN encounter_events.recorded_at IS 'When its source says that it was entered (EVN-2, else MSH-7).';
COMMENT ON COLUMN encounter_events.undone_since_at IS
    'Of a cancellation that took effect: stays that began since then were none, but for one in the bed of lies_bed.';
COMMENT ON COLUMN bed_stays.cancelled IS 'The event that began it was cancelled: what the bed said then is nobody''s.';

-- One ADT event in the use of beds: after it the patient lies where the engine says, alone, and nowhere else. A stay never ends
-- before it began. What a cancellation undoes is marked, and one that began before ended then; back in a bed that nobody else had
-- meanwhile, the stay goes on, under the name the patient has now.
CREATE OR REPLACE PROCEDURE derive_stay(e encounter_events)
LANGUAGE plpgsql
AS $$
DECLARE
    own uuid[] := records_of(e.patient_id);
    last record;
    since timestamptz := e.occurred_at;
BEGIN
    UPDATE bed_stays SET
        ended_at = CASE WHEN started_at < e.undone_since_at THEN e.undone_since_at
                        ELSE coalesce(ended_at, greatest(e.occurred_at, started_at)) END,
        ended_seq = CASE WHEN started_at < e.undone_since_at THEN e.seq ELSE coalesce(ended_seq, e.seq) END,
        cancelled = started_at >= e.undone_since_at
    WHERE patient_id = ANY (own) AND NOT cancelled AND (unit, bed) IS DISTINCT FROM (e.lies_unit, e.lies_bed)
      AND (started_at >= e.undone_since_at OR coalesce(ended_at, 'infinity') > e.undone_since_at);
    UPDATE bed_stays SET ended_at = greatest(e.occurred_at, started_at), ended_seq = e.seq
    WHERE ended_at IS NULL
      AND ((patient_id = ANY (own) AND (unit, bed) IS DISTINCT FROM (e.lies_unit, e.lies_bed))
        OR (patient_id <> ALL (own) AND unit = e.lies_unit AND bed = e.lies_bed));
    IF e.kind IN (7, 8) AND e.lies_bed IS NOT NULL THEN
        SELECT ctid AS at, patient_id, ended_at INTO last FROM bed_stays
        WHERE unit = e.lies_unit AND bed = e.lies_bed AND NOT cancelled
        ORDER BY started_seq DESC LIMIT 1;
        IF last.patient_id = e.patient_id AND last.ended_at IS NOT NULL THEN
            UPDATE bed_stays SET ended_at = NULL, ended_seq = NULL WHERE ctid = last.at;
        ELSIF last.patient_id = ANY (own) AND last.ended_at IS NOT NULL THEN
            since := last.ended_at; -- a former record's stay stays its own: it goes on where that ended
        END IF;
    END IF;
    IF e.lies_bed IS NOT NULL AND NOT EXISTS (
        SELECT FROM bed_stays WHERE patient_id = ANY (own) AND ended_at IS NULL
    ) THEN
        INSERT INTO bed_stays VALUES (e.patient_id, e.lies_unit, e.lies_bed, since, NULL, e.seq, NULL);
    END IF;
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
                    SELECT FROM encounters AS later WHERE later.patient_id = ANY (own) AND later.encounter_id > found_id
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
