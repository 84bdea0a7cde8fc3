-- A message that a later step of its alert makes untrue before it was sent ends as 'superseded'.

ALTER TABLE notification_deliveries
    DROP CONSTRAINT notification_deliveries_state_check,
    ADD CONSTRAINT notification_deliveries_state_check
        CHECK (state IN ('waiting', 'delivered', 'failed', 'expired', 'dropped', 'superseded'));
