"""P8: tables out of either database and into either: the same rows, in their partitions, from any schema version."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from copy_rows import T0, alert, batch, dead_letter, encounter, observation, score

from nightlamp.backup import against, tables
from nightlamp.backup import manifest as told
from nightlamp.backup.copying import silent
from nightlamp.backup.restore import fill
from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.settings import Database, Settings
from nightlamp.store import MigrationError, Store, StoreUnavailable, migrate

ROWS = 300


@asynccontextmanager
async def empty(server: str, name: str) -> AsyncIterator[Any]:
    """A connection to an empty database beside the others."""
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        connection = await asyncpg.connect(urlunsplit(urlsplit(server)._replace(path=f"/{name}")))
        try:
            yield connection
        finally:
            await connection.close()
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


async def written(store: Store) -> None:
    """Rows in every table of the route, some of them weeks old."""
    days = [T0 - timedelta(days=day) for day in range(0, 30, 10)]
    await store.claim("a journal")
    await store.write(
        batch(
            1,
            ROWS,
            encounter_events=[encounter(1, 1, place="icu/4"), encounter(2, 2, place="icu/5")],
            observations=[observation(seq, at=days[seq % 3], value=seq / 7) for seq in range(1, ROWS + 1)],
            scores=[score(seq, scored_at=days[seq % 3]) for seq in range(1, ROWS + 1)],
            alert_events=[alert(3, 3 << 16, 1)],
            dead_letters=[dead_letter(4)],
        )
    )


async def taken(connection: Any, folder: Path) -> told.Store:
    """What a backup takes of a database."""
    (folder / "tables").mkdir()
    shapes, _ = await tables.shapes(connection)
    found = [
        (await tables.export(connection, shape, folder / f"tables/{shape.name}.copy", lambda _: None))[0]
        for shape in shapes
    ]
    cursor = await connection.fetchrow("SELECT seq, moved_at FROM store_cursor")
    return await tables.described(connection, cursor["seq"], cursor["moved_at"].isoformat(), found)


async def held(connection: Any, store: told.Store) -> None:
    """The database holds what was taken, and none of it in a default partition."""
    shapes = {shape.name: shape for shape in (await tables.shapes(connection))[0]}
    for table in store.tables:
        assert await tables.digest_of(connection, shapes[table.name], table.columns, None) == (table.rows, table.digest)
    assert await connection.fetchval("SELECT seq FROM store_cursor") == store.cursor
    opened = "SELECT alert_id FROM alert_events WHERE kind = 1 AND alert_id NOT IN (SELECT alert_id FROM alerts_open)"
    assert await connection.fetch(opened) == [], "of these backups' alerts none is over"
    assert await connection.fetchval("SELECT count(*) FROM alerts_open") == 1
    if not await connection.fetchval("SELECT is_timescale()"):
        assert await connection.fetchval("SELECT count(*) FROM observations_default") == 0


async def test_p8_every_row_of_every_table_comes_back_on_the_same_and_on_the_other_kind_of_database(
    server: str, store: Store, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    await written(store)
    for days in (0, 10, 20):
        if not await sql.fetchval("SELECT is_timescale()"):
            for name in ("observations", "scores"):
                await sql.fetchval("SELECT make_partition($1, $2)", name, T0 - timedelta(days=days))
    source = await taken(sql, tmp_path)
    assert {table.name: table.rows for table in source.tables}["observations"] == ROWS
    assert len(source.partitions["observations"]) >= 3
    async with empty(server, "restored") as connection:
        await fill(connection, tmp_path, source, "another journal")
        await held(connection, source)
        again = await connection.fetchrow("SELECT * FROM store_cursor")
        assert (again["journal"], again["seq"]) == ("another journal", ROWS)
        # Once more is no harm; over anything else it is refused, the same rows of another journal among them.
        await fill(connection, tmp_path, source, "another journal")
        with pytest.raises(told.BackupError, match="not empty"):
            await fill(connection, tmp_path, source, "of a trial")
        assert await connection.fetchval("SELECT journal FROM store_cursor") == "another journal"
        await connection.execute("DELETE FROM observations WHERE seq = 7")
        with pytest.raises(told.BackupError, match="not empty"):
            await fill(connection, tmp_path, source, "another journal")
    if source.flavour == "timescaledb":
        (tmp_path / "native").mkdir()
        native = await EmbeddedPostgresql.start(tmp_path / "native")
        try:
            async with empty(native.url, "restored") as connection:
                await fill(connection, tmp_path, source, "another journal")
                await held(connection, source)
        finally:
            await native.stop()


async def test_p8_a_backup_of_an_older_schema_is_filled_into_that_and_then_migrated(
    server: str, tmp_path: Path
) -> None:
    async with empty(server, "older") as connection:
        await migrate.migrate(connection, through=4)
        await connection.execute("INSERT INTO patients VALUES (gen_random_uuid(), now(), now())")
        await connection.execute(
            "INSERT INTO alert_events VALUES "
            "(1, 65536, now(), 7, gen_random_uuid(), 0, 1, 3, 'icu', '4', 'r', 'm', '1', 'w', '[]')"
        )
        await connection.execute("UPDATE store_cursor SET seq = 1, journal = 'j'")
        older = await taken(connection, tmp_path)
    assert [one.version for one in older.migrations] == [1, 2, 3, 4]
    async with empty(server, "newer") as connection:
        await fill(connection, tmp_path, older, "j2")
        await held(connection, older)
        assert {one.state for one in await migrate.status(connection)} == {"applied"}
        assert await connection.fetchval("SELECT explanation::text FROM alert_events") == "[]"
        foreign = told.Migration(99, "0099_future", "0" * 64)
        future = told.Store(1, older.moved_at, older.flavour, [*older.migrations, foreign], {}, {}, older.tables)
        with pytest.raises(MigrationError, match="0099_future"):
            await fill(connection, tmp_path, future, "j3")


async def compared(connection: Any, source: told.Store, **settings: Any) -> tuple[set[str], set[str], set[str]]:
    """Tables found equal, other than the backup's, and not compared."""
    found = against.Compared()
    await against._tables(connection, source, "a journal", found, Settings(**settings), silent)

    def names(lines: list[str]) -> set[str]:
        return {line.partition(":")[0].removeprefix("table ") for line in lines}

    return names(found.equal), names(found.differs), names(found.skipped)


async def test_p8_a_server_that_went_on_is_not_said_to_differ_for_what_it_delivered_or_forgot_since(
    store: Store, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    await written(store)
    old = datetime(2020, 1, 1, tzinfo=UTC)
    await store.write(batch(ROWS + 1, ROWS + 1, observations=[observation(ROWS + 1, at=old)]))
    if not await sql.fetchval("SELECT is_timescale()"):
        await sql.fetchval("SELECT make_partition('observations', $1)", old)
    waiting = (
        "INSERT INTO notification_deliveries VALUES (3, 0, 'mail', 196608, $1, 'high', 'opened', 1, $2, '', $1, $3)"
    )
    await sql.execute(waiting, T0, "waiting", None)
    change = "INSERT INTO policy_changes VALUES (2, now(), 'k1', '', '', 'policy', '')"
    await sql.execute(change)
    source = await taken(sql, tmp_path)
    every = {table.name for table in source.tables}
    assert await compared(sql, source) == (every, set(), set()), "nothing has gone on yet"

    over = [alert(ROWS + 2, 3 << 16, 2, at=old)]
    await store.write(batch(ROWS + 2, ROWS + 2, alert_events=over))
    await sql.execute("UPDATE notification_deliveries SET state = 'delivered', delivered_at = now()")
    equal, differs, skipped = await compared(sql, source, database=Database(keep_days=0))
    assert differs == set()
    assert {"observations", "scores", "alert_events", "policy_changes"} <= equal
    assert "notification_deliveries" in skipped

    await store.forget_alerts(timedelta(days=30))
    await sql.execute("DELETE FROM observations WHERE observed_at = $1", old)
    kept = Database(keep_days=15, alerts_keep_days=30)
    equal, differs, skipped = await compared(sql, source, database=kept)
    assert (differs, skipped >= {"observations", "alert_events"}) == (set(), True)
    assert "scores" in equal
    # Where nothing is forgotten, what is missing is missing.
    _, differs, _ = await compared(sql, source, database=Database(keep_days=0))
    assert differs == {"observations", "alert_events"}
    await sql.execute("UPDATE policy_changes SET policy = 'another'")
    assert "policy_changes" in (await compared(sql, source, database=kept))[1]


async def test_p8_no_table_that_the_migrations_make_is_left_out(store: Store, sql: asyncpg.Connection) -> None:
    shapes, foreign = await tables.shapes(sql)
    there = {
        row["relname"]
        for row in await sql.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
            "AND NOT relispartition"
        )
    }
    assert {shape.name for shape in shapes} | {"series", "schema_migrations", "store_cursor", "alerts_open"} == there
    assert foreign == []
    order = [shape.name for shape in shapes]
    assert all(order.index(need) < order.index(shape.name) for shape in shapes for need in shape.needs)


async def test_p3_maintenance_steps_aside_for_a_backup_and_writing_goes_on(
    store: Store, sql: asyncpg.Connection
) -> None:
    await written(store)
    far = datetime.now(UTC) + timedelta(days=30)
    async with sql.transaction(isolation="repeatable_read", readonly=True):
        await sql.fetch("SELECT count(*) FROM observations")
        if not await sql.fetchval("SELECT is_timescale()"):
            blocked = asyncio.create_task(_maintain(store, far))
            assert await blocked == "stepped aside"
        written_meanwhile = await store.write(batch(ROWS + 1, ROWS + 1, observations=[observation(ROWS + 1)]))
        assert written_meanwhile.cursor == ROWS + 1


async def _maintain(store: Store, now: datetime) -> str:
    """Wants to drop every partition there is, which a reader holds."""
    try:
        await store.maintain(timedelta(days=-(now - datetime.now(UTC)).days))
    except StoreUnavailable:
        return "stepped aside"
    return "went through"
