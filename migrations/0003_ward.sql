-- Who is who and who lies where. encounter_events keeps every ADT event and what the engine's window stage made of it; the other
-- tables are derived from it, event by event, in the transaction that writes it. Which bed a patient lies in is the engine's
-- decision alone: a message may come late or name a bed that its patient has left.

CREATE TABLE patients (
    patient_id uuid PRIMARY KEY,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    birth_day date,
    sex text
) WITH (fillfactor = 80);

-- The only place where a pseudonym meets a name.
CREATE TABLE identities (
    patient_id uuid PRIMARY KEY REFERENCES patients,
    authority text NOT NULL,
    identifier text NOT NULL,
    family text NOT NULL,
    given text NOT NULL,
    updated_seq bigint NOT NULL
);

CREATE TABLE encounter_events (
    seq bigint NOT NULL,
    ordinal integer NOT NULL,
    kind smallint NOT NULL,
    patient_id uuid NOT NULL,
    authority text NOT NULL,
    identifier text NOT NULL,
    family text NOT NULL,
    given text NOT NULL,
    birth_day date,
    sex text,
    visit text NOT NULL,
    class text NOT NULL,
    unit text,
    bed text,
    admitted_at timestamptz,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lies_unit text,
    lies_bed text,
    here boolean NOT NULL,
    leaves boolean NOT NULL,
    stale boolean NOT NULL,
    CHECK ((lies_unit IS NULL) = (lies_bed IS NULL))
);
CREATE INDEX encounter_events_in_order ON encounter_events (seq, ordinal);
CREATE INDEX encounter_events_of_patient ON encounter_events (patient_id, seq, ordinal);
COMMENT ON COLUMN encounter_events.kind IS '1 admit, 2 transfer, 3 discharge, 4 register, 5 update.';
COMMENT ON COLUMN encounter_events.bed IS 'As the message named it.';
COMMENT ON COLUMN encounter_events.lies_bed IS 'Where the patient lies after the event; NULL in none.';
COMMENT ON COLUMN encounter_events.here IS 'The patient is in the house after the event.';
COMMENT ON COLUMN encounter_events.leaves IS 'The patient left by the event.';
COMMENT ON COLUMN encounter_events.stale IS 'The event occurred before what was already known and moved nobody.';

-- encounter_id is the event that opened it: seq << 16 | ordinal.
CREATE TABLE encounters (
    encounter_id bigint PRIMARY KEY,
    patient_id uuid NOT NULL REFERENCES patients,
    visit text NOT NULL,
    class text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    updated_seq bigint NOT NULL
);
CREATE INDEX encounters_of_patient ON encounters (patient_id, encounter_id DESC);

CREATE TABLE bed_stays (
    patient_id uuid NOT NULL REFERENCES patients,
    unit text NOT NULL,
    bed text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    started_seq bigint NOT NULL,
    ended_seq bigint
);
CREATE INDEX bed_stays_of_patient ON bed_stays (patient_id, started_at DESC);
-- One patient a bed and one bed a patient, as in the window stage.
CREATE UNIQUE INDEX bed_stays_one_patient ON bed_stays (unit, bed) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX bed_stays_one_bed ON bed_stays (patient_id) WHERE ended_at IS NULL;

-- One ADT event in the life of a patient's encounters. A visit number names the encounter; without one it is the latest. A stale
-- event fills what is blank; of an encounter that a newer one has followed it still tells the end.
CREATE PROCEDURE derive_encounter(e encounter_events)
LANGUAGE plpgsql
AS $$
DECLARE
    found_id bigint;
BEGIN
    SELECT encounter_id INTO found_id FROM encounters
    WHERE patient_id = e.patient_id AND (visit = e.visit OR ((visit = '' OR e.visit = '') AND ended_at IS NULL))
      AND (e.visit <> '' OR ended_at IS NULL)
    ORDER BY (visit = e.visit) DESC, encounter_id DESC
    LIMIT 1;
    IF found_id IS NOT NULL THEN
        UPDATE encounters SET
            visit = CASE WHEN e.visit = '' OR (e.stale AND visit <> '') THEN visit ELSE e.visit END,
            class = CASE WHEN e.class = '' OR (e.stale AND class <> '') THEN class ELSE e.class END,
            started_at = coalesce(CASE WHEN NOT e.stale THEN e.admitted_at END, started_at),
            ended_at = CASE
                WHEN e.kind = 3 AND (NOT e.stale OR EXISTS (
                    SELECT FROM encounters AS later WHERE later.patient_id = e.patient_id AND later.encounter_id > found_id
                )) THEN greatest(e.occurred_at, coalesce(e.admitted_at, started_at))
                WHEN e.kind IN (1, 2, 4) AND e.here AND NOT e.stale THEN NULL -- back in the house
                ELSE ended_at END,
            updated_seq = e.seq
        WHERE encounter_id = found_id;
    ELSIF (e.here OR e.leaves) AND NOT e.stale THEN
        INSERT INTO encounters VALUES (
            e.seq << 16 | e.ordinal, e.patient_id, e.visit, e.class, coalesce(e.admitted_at, e.occurred_at),
            CASE WHEN e.leaves THEN e.occurred_at END, e.seq);
    END IF;
END
$$;

-- One ADT event in the use of beds: after it the patient lies where the engine says, alone, and nowhere else. A stay never ends
-- before it began.
CREATE PROCEDURE derive_stay(e encounter_events)
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE bed_stays SET ended_at = greatest(e.occurred_at, started_at), ended_seq = e.seq
    WHERE ended_at IS NULL
      AND ((patient_id = e.patient_id AND (unit, bed) IS DISTINCT FROM (e.lies_unit, e.lies_bed))
        OR (patient_id <> e.patient_id AND unit = e.lies_unit AND bed = e.lies_bed));
    IF e.lies_bed IS NOT NULL AND NOT EXISTS (
        SELECT FROM bed_stays WHERE patient_id = e.patient_id AND ended_at IS NULL
    ) THEN
        INSERT INTO bed_stays VALUES (e.patient_id, e.lies_unit, e.lies_bed, e.occurred_at, NULL, e.seq, NULL);
    END IF;
END
$$;

-- Brings encounters and bed stays up to date with the ADT events of the frames first_seq to last_seq, in their order.
CREATE PROCEDURE derive_ward(first_seq bigint, last_seq bigint)
LANGUAGE plpgsql
AS $$
DECLARE
    e encounter_events;
BEGIN
    FOR e IN SELECT * FROM encounter_events WHERE seq BETWEEN first_seq AND last_seq ORDER BY seq, ordinal LOOP
        CALL derive_encounter(e);
        CALL derive_stay(e);
    END LOOP;
END
$$;
