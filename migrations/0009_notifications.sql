-- What became of each message about an alert, and since when each channel is in use. Neither holds a word of a message, an address
-- or a patient: a step of an alert is named by its frame and its place in it, a failure by its class.

-- Delivery is at least once: a restart sends again what has no row here, or a waiting one, and is not too old.
CREATE TABLE notification_deliveries (
    seq bigint NOT NULL,
    ordinal integer NOT NULL,
    channel text NOT NULL,
    alert_id bigint NOT NULL,
    at timestamptz NOT NULL,
    severity text NOT NULL,
    kind text NOT NULL,
    attempts integer NOT NULL CHECK (attempts >= 0),
    state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'expired', 'dropped')),
    error text NOT NULL,
    changed_at timestamptz NOT NULL,
    delivered_at timestamptz,
    PRIMARY KEY (seq, ordinal, channel),
    CHECK ((state = 'delivered') = (delivered_at IS NOT NULL))
);
CREATE INDEX notification_deliveries_by_time ON notification_deliveries (at);
CREATE INDEX notification_deliveries_of_alert ON notification_deliveries (alert_id);
COMMENT ON COLUMN notification_deliveries.at IS 'Time of the alert''s step.';
COMMENT ON COLUMN notification_deliveries.error IS 'Class of the newest failure: connection, timeout, refused, http_503, ...';

-- A channel that was set up a minute ago is not told of what happened before.
CREATE TABLE notification_channels (
    channel text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);

-- Figures ask for the alerts that opened within a time.
CREATE INDEX alert_events_opened_at ON alert_events (at) WHERE kind = 1;
