-- Tables by time, from the same statements on both databases: hypertables where TimescaleDB is loaded, native range partitions
-- elsewhere. A partitioned table always has a default partition, so that no row is ever refused for its time.

DO $$
BEGIN
    -- The setting exists only where shared_preload_libraries holds the extension; creating it without would end the session.
    IF current_setting('timescaledb.max_background_workers', true) IS NOT NULL
       AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
END
$$;

-- Every table by time, its time column and the width of a chunk or partition.
CREATE TABLE series (
    name text PRIMARY KEY,
    time_column text NOT NULL,
    width interval NOT NULL CHECK (width > interval '0')
);

CREATE FUNCTION is_timescale() RETURNS boolean
LANGUAGE sql STABLE
AS $$ SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') $$;

-- Turns a plain, empty table into one by time.
CREATE PROCEDURE make_series(table_name text, time_column text, width interval)
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO series VALUES (table_name, time_column, width);
    IF is_timescale() THEN
        PERFORM create_hypertable(table_name::regclass, time_column::name, chunk_time_interval => width,
                                  create_default_indexes => false);
    ELSE
        EXECUTE format('ALTER TABLE %I RENAME TO %I', table_name, table_name || '_columns');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (%I)',
                       table_name, table_name || '_columns', time_column);
        EXECUTE format('DROP TABLE %I', table_name || '_columns');
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', table_name || '_default', table_name);
    END IF;
END
$$;

-- The partition that holds `at`, made if it is not there. Rows that went to the default partition meanwhile move into it.
-- Partitions start at multiples of the width since 1970-01-01 UTC. True when one was made.
CREATE FUNCTION make_partition(table_name text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    s series;
    width_s bigint;
    from_at timestamptz;
    until_at timestamptz;
    partition text;
    condition text;
BEGIN
    SELECT * INTO STRICT s FROM series WHERE name = table_name;
    width_s := extract(epoch FROM s.width);
    from_at := to_timestamp(floor(extract(epoch FROM at) / width_s) * width_s);
    until_at := from_at + make_interval(secs => width_s);
    partition := table_name || '_' || to_char(from_at AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MI');
    IF to_regclass(quote_ident(partition)) IS NOT NULL THEN
        RETURN false;
    END IF;
    condition := format('%I >= %L AND %I < %L', s.time_column, from_at, s.time_column, until_at);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition, table_name);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', table_name || '_default');
    EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %s RETURNING *) INSERT INTO %I SELECT * FROM moved',
                   table_name || '_default', condition, partition);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   table_name, partition, from_at, until_at);
    RETURN true;
END
$$;

-- Makes the partitions from `back` before `now` to `ahead` after it. TimescaleDB makes its chunks itself. Returns how many.
CREATE FUNCTION make_partitions(now timestamptz, back interval, ahead interval) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    s series;
    made integer := 0;
    at timestamptz;
BEGIN
    IF is_timescale() THEN
        RETURN 0;
    END IF;
    LOCK TABLE series IN SHARE ROW EXCLUSIVE MODE; -- one server at a time, or two could wait for each other
    FOR s IN SELECT * FROM series ORDER BY name LOOP
        FOR at IN SELECT generate_series(now - back, now + ahead, s.width) UNION SELECT now + ahead LOOP
            made := made + make_partition(s.name, at)::integer;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

-- Drops what is wholly older than `keep` before `now`: chunks, or partitions and the old rows of the default partition.
-- Returns the number of chunks or partitions dropped.
CREATE FUNCTION drop_old(now timestamptz, keep interval) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    s series;
    p record;
    dropped integer := 0;
    count_here integer;
BEGIN
    LOCK TABLE series IN SHARE ROW EXCLUSIVE MODE;
    FOR s IN SELECT * FROM series ORDER BY name LOOP
        IF is_timescale() THEN
            SELECT count(*) INTO count_here FROM drop_chunks(s.name::regclass, older_than => now - keep);
            dropped := dropped + count_here;
            CONTINUE;
        END IF;
        EXECUTE format('DELETE FROM %I WHERE %I < %L', s.name || '_default', s.time_column, now - keep);
        FOR p IN
            SELECT c.relname,
                   to_timestamp(right(c.relname, 13), 'YYYYMMDD"T"HH24MI')::timestamp AT TIME ZONE 'UTC' AS from_at
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = s.name::regclass AND c.relname ~ '_\d{8}T\d{4}$'
            ORDER BY c.relname
        LOOP
            IF p.from_at + s.width <= now - keep THEN
                EXECUTE format('DROP TABLE %I', p.relname);
                dropped := dropped + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN dropped;
END
$$;
