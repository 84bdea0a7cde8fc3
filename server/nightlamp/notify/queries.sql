-- Statements of notifications, named as in store/queries.sql.

-- put_deliveries: what became of messages, one array a column; a later state replaces an earlier one
INSERT INTO notification_deliveries
    (seq, ordinal, channel, alert_id, at, severity, kind, attempts, state, error, changed_at, delivered_at)
SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[],
                     $8::integer[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[])
ON CONFLICT (seq, ordinal, channel) DO UPDATE SET
    alert_id = excluded.alert_id, at = excluded.at, severity = excluded.severity, kind = excluded.kind,
    attempts = excluded.attempts, state = excluded.state, error = excluded.error, changed_at = excluded.changed_at,
    delivered_at = excluded.delivered_at
WHERE notification_deliveries.at <> excluded.at OR notification_deliveries.state <> 'delivered';

-- ended_deliveries: messages about steps since $1 that came to their end
SELECT seq, ordinal, channel, at FROM notification_deliveries WHERE at >= $1 AND state <> 'waiting';

-- know_channels: the channels $1 are in use from now on, unless they were already
INSERT INTO notification_channels (channel) SELECT unnest($1::text[]) ON CONFLICT (channel) DO NOTHING;

-- channels_since: since when each channel has been in use
SELECT channel, since FROM notification_channels WHERE channel = ANY ($1::text[]);

-- channels_but: channels that were in use, but $1
SELECT channel FROM notification_channels WHERE channel <> ALL ($1::text[]) ORDER BY channel;

-- forget_channel: $1 is no longer in use
DELETE FROM notification_channels WHERE channel = $1;

-- first_step: the first of all alert events that happened at $1 or later; the sum keeps the planner to the index over time
SELECT min(seq << 16 | ordinal) AS cursor FROM alert_events WHERE at >= $1;

-- deliveries_of_alert: every message about the alert $1, in order
SELECT seq, ordinal, channel, at, severity, kind, attempts, state, error, changed_at, delivered_at
FROM notification_deliveries WHERE alert_id = $1 ORDER BY seq, ordinal, channel;
