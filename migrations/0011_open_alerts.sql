-- What every console asks for first costs what stands open now, not all that ever opened: the ids of alerts without a clearing step
-- (2), kept by the statement that writes the steps. Rows that are copied back fill it too.

CREATE TABLE alerts_open (
    alert_id bigint PRIMARY KEY
);
INSERT INTO alerts_open
SELECT alert_id FROM alert_events WHERE kind = 1
EXCEPT
SELECT alert_id FROM alert_events WHERE kind = 2;

CREATE FUNCTION keep_alerts_open() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO alerts_open SELECT alert_id FROM written WHERE kind = 1 ON CONFLICT DO NOTHING;
    DELETE FROM alerts_open USING written WHERE alerts_open.alert_id = written.alert_id AND written.kind = 2;
    RETURN NULL;
END
$$;
CREATE TRIGGER alert_events_written AFTER INSERT ON alert_events
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION keep_alerts_open();

CREATE FUNCTION empty_alerts_open() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    TRUNCATE alerts_open;
    RETURN NULL;
END
$$;
CREATE TRIGGER alert_events_emptied AFTER TRUNCATE ON alert_events FOR EACH STATEMENT EXECUTE FUNCTION empty_alerts_open();

-- A restart of notifications asks for the first step since a time, retention for what was cleared before one.
CREATE INDEX alert_events_at ON alert_events (at);
