"""Migrations: once, in order, unchanged, on both databases the same schema."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from copy_rows import T0, batch, observation

from nightlamp.store import MigrationError, Store, StoreUnavailable
from nightlamp.store.copy import COLUMNS
from nightlamp.store.migrate import FOLDER, migrate, migrations, status


async def _is_timescale(sql: asyncpg.Connection) -> bool:
    return bool(await sql.fetchval("SELECT is_timescale()"))


async def test_a_second_run_does_nothing(url: str) -> None:
    connection = await asyncpg.connect(url)
    assert {one.state for one in await status(connection)} == {"pending"}
    assert await migrate(connection) == [one.name for one in migrations()]
    assert await migrate(connection) == []
    assert {one.state for one in await status(connection)} == {"applied"}
    await connection.close()


async def test_two_servers_that_start_at_once_migrate_once(url: str) -> None:
    stores = [await Store.connect(url) for _ in range(3)]
    applied = await asyncio.gather(*(store.migrate() for store in stores))
    assert sorted(map(len, applied)) == [0, 0, len(migrations())]
    for store in stores:
        await store.close()


async def test_a_changed_applied_migration_is_refused(url: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(url)
    await migrate(connection)
    folder = tmp_path / "migrations"
    shutil.copytree(FOLDER, folder)
    first = sorted(folder.glob("*.sql"))[0]
    first.write_text(first.read_text() + "-- one word more\n")
    (folder / f"{len(migrations()) + 1:04}_more.sql").write_text("CREATE TABLE more ();")
    with pytest.raises(MigrationError, match="changed after it was applied"):
        await migrate(connection, folder)
    assert await connection.fetchval("SELECT to_regclass('more')") is None
    await connection.close()


async def test_a_database_of_a_newer_nightlamp_is_refused(url: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(url)
    await migrate(connection)
    folder = tmp_path / "migrations"
    folder.mkdir()
    for path in sorted(FOLDER.glob("*.sql"))[:-1]:
        shutil.copy(path, folder)
    with pytest.raises(MigrationError, match="newer nightlamp"):
        await migrate(connection, folder)
    await connection.close()


async def test_a_migration_that_fails_leaves_no_trace(url: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(url)
    (tmp_path / "0001_half.sql").write_text("CREATE TABLE half (); SELECT 1/0;")
    with pytest.raises(MigrationError, match="0001_half"):
        await migrate(connection, tmp_path)
    assert await connection.fetchval("SELECT to_regclass('half')") is None
    assert [one.state for one in await status(connection, tmp_path)] == ["pending"]
    await connection.close()


@pytest.mark.parametrize("name", ["0002_gap.sql", "first.sql"])
def test_a_gap_or_a_foreign_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError):
        migrations(tmp_path)


async def test_both_databases_have_the_columns_that_rust_fills(sql: asyncpg.Connection) -> None:
    for table, columns in COLUMNS.items():
        if table == "patients_seen":  # temporary, of the writer's connection
            continue
        rows = await sql.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1",
            table,
        )
        assert {row["column_name"] for row in rows} == set(columns), table


async def test_tables_by_time_are_hypertables_or_partitioned(sql: asyncpg.Connection) -> None:
    if await _is_timescale(sql):
        rows = await sql.fetch("SELECT hypertable_name AS name FROM timescaledb_information.hypertables")
    else:
        rows = await sql.fetch("SELECT relname AS name FROM pg_class WHERE relkind = 'p'")
    assert {row["name"] for row in rows} == {"observations", "scores"}


async def test_a_row_of_any_time_is_accepted_and_moves_to_its_partition_later(
    store: Store, sql: asyncpg.Connection
) -> None:
    old, coming = datetime(1999, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=40)
    await store.write(
        batch(1, 1, observations=[observation(1, at=old), observation(1, at=coming), observation(1, at=T0)])
    )
    if not await _is_timescale(sql):
        assert await sql.fetchval("SELECT count(*) FROM observations_default WHERE observed_at = $1", coming) == 1
        assert await sql.fetchval("SELECT make_partition('observations', $1)", coming)
        assert await sql.fetchval("SELECT count(*) FROM observations_default WHERE observed_at = $1", coming) == 0
        assert not await sql.fetchval("SELECT make_partition('observations', $1)", coming)
    assert await sql.fetchval("SELECT count(*) FROM observations") == 3


async def test_partitions_are_made_ahead_and_once(store: Store, sql: asyncpg.Connection) -> None:
    made, _ = await store.maintain()
    assert made == 0, "migrate made them already"
    now = datetime.now(UTC)
    await store.write(batch(1, 1, observations=[observation(1, at=now + timedelta(days=d)) for d in (-1, 0, 1, 2, 3)]))
    if not await _is_timescale(sql):
        assert await sql.fetchval("SELECT count(*) FROM observations_default") == 0


async def test_retention_drops_what_is_wholly_older(store: Store, sql: asyncpg.Connection) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(days=days) for days in (400, 31, 1)] + [now]
    await sql.execute("SELECT make_partitions($1, interval '40 days', interval '1 day')", now)
    await store.write(batch(1, 1, observations=[observation(1, at=at) for at in times]))
    _, dropped = await store.maintain(keep=timedelta(days=30))
    assert dropped > 0
    assert await sql.fetchval("SELECT count(*) FROM observations") == 2


async def test_compression_is_asked_of_licensed_editions_only(store: Store, sql: asyncpg.Connection) -> None:
    """Debian's TimescaleDB is the Apache edition, so what is proven here is that it is left alone."""
    licence = await sql.fetchval("SELECT current_setting('timescaledb.license', true)")
    assert await sql.fetchval("SELECT compress_old('7 days')") == (licence == "timescale")


async def test_p3_partitions_that_cannot_be_made_hold_up_neither_the_start_nor_a_row(
    url: str, store: Store, sql: asyncpg.Connection
) -> None:
    """The default partition takes what has none of its own; on TimescaleDB chunks are made with the first row."""
    await sql.execute(
        "CREATE OR REPLACE FUNCTION make_partitions(now timestamptz, back interval, ahead interval) RETURNS integer"
        " LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'lock_not_available'; END$$"
    )
    again = await Store.connect(url)
    assert await again.migrate() == []
    far = T0 + timedelta(days=30)
    await again.write(batch(1, 1, observations=[observation(1, at=far)]))
    assert await sql.fetchval("SELECT observed_at FROM observations") == far
    with pytest.raises(StoreUnavailable, match="55P03"):
        await again.maintain()
    await again.close()
