-- Compression, where the licence of the installed TimescaleDB allows it (`timescaledb.license` = 'timescale'; Debian's packages
-- and plain PostgreSQL: no). Asked at every maintenance, so that a change of edition needs no migration. Retention needs no
-- licence (drop_old).
CREATE FUNCTION compress_old(older_than interval) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT is_timescale() OR current_setting('timescaledb.license', true) IS DISTINCT FROM 'timescale' THEN
        RETURN false;
    END IF;
    LOCK TABLE series IN SHARE ROW EXCLUSIVE MODE;
    IF NOT (SELECT compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_name = 'observations') THEN
        ALTER TABLE observations SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'patient_id, signal_id',
            timescaledb.compress_orderby = 'observed_at DESC, seq DESC');
        ALTER TABLE scores SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'patient_id',
            timescaledb.compress_orderby = 'scored_at DESC, seq DESC');
    END IF;
    PERFORM add_compression_policy('observations', older_than, if_not_exists => true);
    PERFORM add_compression_policy('scores', older_than, if_not_exists => true);
    RETURN true;
END
$$;
