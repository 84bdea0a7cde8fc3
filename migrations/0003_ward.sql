-- Who is who and who lies where. encounter_events keeps every ADT event; the other tables are derived from it, event by event, in
-- the transaction that writes it.

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
    received_at timestamptz NOT NULL
);
CREATE INDEX encounter_events_in_order ON encounter_events (seq, ordinal);
CREATE INDEX encounter_events_of_patient ON encounter_events (patient_id, seq, ordinal);
COMMENT ON COLUMN encounter_events.kind IS '1 admit, 2 transfer, 3 discharge, 4 register, 5 update.';

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

-- Ends open stays of one patient (bed not given) or of one bed. A stay never ends before it began.
CREATE PROCEDURE end_stays(who uuid, where_unit text, where_bed text, at timestamptz, by_seq bigint)
LANGUAGE sql
AS $$
UPDATE bed_stays SET ended_at = greatest(at, started_at), ended_seq = by_seq
WHERE ended_at IS NULL AND (patient_id = who OR (unit = where_unit AND bed = where_bed))
$$;

-- One ADT event in the life of a patient's encounters. A visit number names the encounter; without one it is the latest.
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
    IF found_id IS NULL THEN
        INSERT INTO encounters VALUES (
            e.seq << 16 | e.ordinal, e.patient_id, e.visit, e.class, coalesce(e.admitted_at, e.occurred_at),
            CASE WHEN e.kind = 3 THEN e.occurred_at END, e.seq);
    ELSE
        UPDATE encounters SET
            visit = CASE WHEN e.visit = '' THEN visit ELSE e.visit END,
            class = CASE WHEN e.class = '' THEN class ELSE e.class END,
            started_at = coalesce(e.admitted_at, started_at),
            ended_at = CASE
                WHEN e.kind = 3 THEN greatest(e.occurred_at, coalesce(e.admitted_at, started_at))
                WHEN e.kind IN (1, 2, 4) THEN NULL -- back in the house
                ELSE ended_at END,
            updated_seq = e.seq
        WHERE encounter_id = found_id;
    END IF;
END
$$;

-- One ADT event in the use of beds. Who is put into a bed takes it over from whoever was in it.
CREATE PROCEDURE derive_stay(e encounter_events)
LANGUAGE plpgsql
AS $$
BEGIN
    IF e.kind = 3 THEN
        CALL end_stays(e.patient_id, NULL, NULL, e.occurred_at, e.seq);
    ELSIF e.bed IS NOT NULL AND NOT EXISTS (
        SELECT FROM bed_stays
        WHERE patient_id = e.patient_id AND unit = e.unit AND bed = e.bed AND ended_at IS NULL
    ) THEN
        CALL end_stays(e.patient_id, e.unit, e.bed, e.occurred_at, e.seq);
        INSERT INTO bed_stays VALUES (e.patient_id, e.unit, e.bed, e.occurred_at, NULL, e.seq, NULL);
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
