-- What the route stores. A frame is named by its sequence number in the journal, a row by (seq, ordinal). No unique index guards
-- against double rows: exactly once comes from store_cursor, which moves in the transaction that writes the rows.

-- The newest frame whose rows are stored. One row, locked by whoever writes.
CREATE TABLE store_cursor (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    seq bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
    -- Which journal the sequence numbers belong to; NULL until a server has claimed the database.
    journal text,
    moved_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO store_cursor DEFAULT VALUES;

-- The signal catalogue of the engine, written at each start.
CREATE TABLE signals (
    id smallint PRIMARY KEY,
    name text NOT NULL UNIQUE,
    unit text NOT NULL,
    loinc text
);

-- Every rule and model that has scored here.
CREATE TABLE models (
    name text NOT NULL,
    version text NOT NULL,
    sha256 bytea NOT NULL,
    manifest jsonb NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version, sha256)
);

-- Columns are in the order that wastes no padding.
CREATE TABLE observations (
    seq bigint NOT NULL,
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    value double precision,
    patient_id uuid NOT NULL,
    ordinal integer NOT NULL,
    signal_id smallint NOT NULL,
    status smallint NOT NULL,
    source smallint NOT NULL
);
CALL make_series('observations', 'observed_at', interval '1 day');
CREATE INDEX observations_of_patient ON observations (patient_id, signal_id, observed_at DESC);
COMMENT ON COLUMN observations.value IS 'In the canonical unit of the signal; NULL where withdrawn.';
COMMENT ON COLUMN observations.status IS '1 final, 2 preliminary, 3 corrected, 4 withdrawn.';
COMMENT ON COLUMN observations.source IS '1 hl7_http, 2 json_http, 3 json_mqtt, 4 hl7_mqtt, 17 replay.';

-- What is held true now: the newest statement about each patient, signal and time, unless it withdrew the value.
CREATE VIEW observations_current AS
SELECT * FROM (
    SELECT DISTINCT ON (patient_id, signal_id, observed_at) *
    FROM observations
    ORDER BY patient_id, signal_id, observed_at DESC, seq DESC, ordinal DESC
) AS newest
WHERE status <> 4;

CREATE TABLE scores (
    seq bigint NOT NULL,
    scored_at timestamptz NOT NULL,
    raw double precision NOT NULL,
    value double precision NOT NULL,
    patient_id uuid NOT NULL,
    ordinal integer NOT NULL,
    band smallint NOT NULL,
    present smallint NOT NULL,
    expected smallint NOT NULL,
    model text NOT NULL,
    version text NOT NULL,
    model_sha256 bytea NOT NULL,
    input_signals smallint[] NOT NULL,
    input_values double precision[] NOT NULL,
    input_ages_s real[] NOT NULL,
    input_points smallint[] NOT NULL,
    features real[] NOT NULL
);
CALL make_series('scores', 'scored_at', interval '1 day');
CREATE INDEX scores_of_patient ON scores (patient_id, scored_at DESC);
COMMENT ON COLUMN scores.model_sha256 IS 'SHA-256 of the model or a prefix of it; empty for rules.';
COMMENT ON COLUMN scores.input_values IS 'One element an input signal; NULL is missing, never zero.';
COMMENT ON COLUMN scores.features IS 'The feature row in plan order; NaN is missing.';

CREATE TABLE alert_events (
    seq bigint NOT NULL,
    alert_id bigint NOT NULL,
    at timestamptz NOT NULL,
    value double precision NOT NULL,
    patient_id uuid NOT NULL,
    ordinal integer NOT NULL,
    kind smallint NOT NULL,
    severity smallint NOT NULL,
    unit text,
    bed text,
    rule text NOT NULL,
    model text NOT NULL,
    version text NOT NULL,
    reason text NOT NULL,
    contributions jsonb NOT NULL
);
CREATE INDEX alert_events_in_order ON alert_events (seq, ordinal);
CREATE INDEX alert_events_of_alert ON alert_events (alert_id, seq, ordinal);
CREATE INDEX alert_events_of_patient ON alert_events (patient_id, alert_id);
COMMENT ON COLUMN alert_events.kind IS '1 opened, 2 cleared.';
COMMENT ON COLUMN alert_events.severity IS '0 technical, 1 low, 2 medium, 3 high.';

-- Each alert as it stands: how it opened and its latest step.
CREATE VIEW alerts AS
SELECT opened.alert_id, opened.patient_id, opened.unit, opened.bed, opened.rule, opened.model, opened.version,
       opened.at AS opened_at, opened.value AS opened_value, opened.reason, opened.contributions,
       latest.kind, latest.severity, latest.value, latest.at AS changed_at, latest.seq, latest.ordinal,
       CASE WHEN latest.kind = 2 THEN latest.at END AS cleared_at
FROM alert_events AS opened
CROSS JOIN LATERAL (
    SELECT kind, severity, value, at, seq, ordinal
    FROM alert_events AS step
    WHERE step.alert_id = opened.alert_id
    ORDER BY seq DESC, ordinal DESC
    LIMIT 1
) AS latest
WHERE opened.kind = 1;

-- Frames, or parts of them, that could not be used. `raw` and `context` with the frame's first dead letter suffice to replay it.
CREATE TABLE dead_letters (
    seq bigint NOT NULL,
    received_at timestamptz NOT NULL,
    ordinal integer NOT NULL,
    source smallint NOT NULL,
    principal text NOT NULL,
    context text NOT NULL,
    stage text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    location text NOT NULL,
    raw bytea
);
CREATE INDEX dead_letters_in_order ON dead_letters (seq, ordinal);

-- Append-only: frame `seq` entered the route again as frame `replayed_seq`.
CREATE TABLE dead_letter_replays (
    seq bigint NOT NULL,
    replayed_seq bigint NOT NULL,
    replayed_at timestamptz NOT NULL
);
CREATE INDEX dead_letter_replays_of ON dead_letter_replays (seq);
