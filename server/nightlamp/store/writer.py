"""The writing half of the store: batches in, rows and cursor in one transaction, exactly once (P2).

A batch at or below the cursor is skipped, one that continues at the cursor is written, any other is a `StoreGap`.
After an error nothing is half done: the connection is thrown away, the same call may be repeated, and the cursor tells
whether a lost answer to COMMIT had been a yes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from nightlamp.store import migrate as schema
from nightlamp.store.copy import COLUMNS, Batch, by_table, joined
from nightlamp.store.errors import StoreError, StoreGap, translate
from nightlamp.store.statements import sql

CONNECT_S, STATEMENT_S, COPY_S = 5.0, 60.0, 120.0
#: Partitions made ahead and behind; later or earlier rows go to the default partition, none is refused.
AHEAD, BACK = timedelta(days=3), timedelta(days=1)
#: Late and corrected values mostly come within days; compressed chunks take the rest, only slower.
COMPRESS_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: the cursor after it, batches skipped because they were stored before, rows by table."""

    cursor: int
    skipped: int = 0
    rows: dict[str, int] = field(default_factory=dict)


class Writer:
    """One connection, one transaction at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._turn = asyncio.Lock()
        self._connection: Any = None

    async def migrate(self) -> list[str]:
        """Bring the schema up to date and make partitions; names of the migrations applied. Raises StoreError."""
        async with self._connected() as connection:
            applied = await schema.migrate(connection)
        await self.maintain()
        return applied

    async def maintain(self, keep: timedelta | None = None) -> tuple[int, int]:
        """Make partitions ahead and, with `keep`, drop observations and scores older than that. Call it hourly.

        Returns (partitions made, chunks or partitions dropped).
        """
        now = datetime.now(UTC)
        async with self._connected() as connection:
            made = await connection.fetchval(sql("make_partitions"), now, BACK, AHEAD)
            await connection.fetchval(sql("compress_old"), COMPRESS_AFTER)
            dropped = await connection.fetchval(sql("drop_old"), now, keep) if keep else 0
        return made, dropped

    async def cursor(self) -> int:
        """Sequence number of the newest frame whose rows are stored; 0 before the first."""
        async with self._connected() as connection:
            row = await connection.fetchrow(sql("read_cursor"))
        return int(row["seq"])

    async def claim(self, journal: str) -> int:
        """Bind the cursor to this journal; the cursor. Raises StoreError where it belongs to another journal.

        At 0 nothing was stored yet: a start that failed before its first row does not keep the database.
        """
        async with self._connected() as connection, connection.transaction():
            row = await connection.fetchrow(sql("lock_cursor"))
            if row["journal"] != journal and row["seq"] == 0:
                await connection.execute(sql("claim_cursor"), journal)
            elif row["journal"] != journal:
                raise StoreError(
                    "the database holds the rows of another journal, so its cursor says nothing about this one: "
                    "use the data folder it belongs to, or an empty database"
                )
            return int(row["seq"])

    async def register(
        self,
        signals: Sequence[tuple[int, str, str, str | None]] = (),
        models: Sequence[tuple[str, str, bytes, str]] = (),
    ) -> None:
        """Write the catalogue (id, name, unit, LOINC) and the scorers (name, version, sha256, manifest as JSON)."""
        async with self._connected() as connection, connection.transaction():
            await connection.executemany(sql("put_signal"), signals)
            await connection.executemany(sql("put_model"), models)

    async def write(self, batch: Batch) -> Written:
        """Store one batch. Raises StoreUnavailable (repeat), StoreGap or StoreError (do not)."""
        return await self.write_many([batch])

    async def write_many(self, batches: Sequence[Batch]) -> Written:
        """Store consecutive batches in one transaction, one COPY a table. Errors as `write`."""
        async with self._connected() as connection, connection.transaction():
            cursor = (await connection.fetchrow(sql("lock_cursor")))["seq"]
            new = [batch for batch in batches if batch.last_seq > cursor]
            skipped = len(batches) - len(new)
            if not new:
                return Written(cursor, skipped)
            _check_order(cursor, new)
            rows = await _copy(connection, new)
            await _derive(connection, rows, new[0].first_seq, new[-1].last_seq)
            await connection.execute(sql("move_cursor"), new[-1].last_seq)
        return Written(new[-1].last_seq, skipped, rows)

    async def close(self) -> None:
        """Close the connection after the write under way."""
        async with self._turn:
            if self._connection is not None:
                with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await self._connection.close(timeout=CONNECT_S)
                self._connection = None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        """The connection, opened anew where the last use failed."""
        async with self._turn:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await _open(self._url)
                yield self._connection
            except BaseException as error:
                # Whatever it was (a cancelled COPY, a lost line): what the server believes is unknown, so start anew.
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                if (known := translate(error)) is not None:
                    raise known from error
                raise


async def _open(url: str) -> Any:
    connection = await asyncpg.connect(
        url,
        timeout=CONNECT_S,
        command_timeout=STATEMENT_S,
        server_settings={"application_name": "nightlamp store", "timezone": "UTC"},
    )
    await connection.execute(sql("stage_patients"))
    return connection


def _check_order(cursor: int, batches: Sequence[Batch]) -> None:
    expected = cursor + 1
    for batch in batches:
        if batch.first_seq != expected or batch.last_seq < batch.first_seq:
            raise StoreGap(
                f"the cursor stands at {expected - 1}, the batch covers {batch.first_seq} to {batch.last_seq}"
            )
        expected = batch.last_seq + 1


async def _copy(connection: Any, batches: Sequence[Batch]) -> dict[str, int]:
    rows = {}
    for table, (count, streams) in by_table(batches).items():
        answer = await connection.copy_to_table(
            table, source=joined(streams), columns=COLUMNS[table], format="binary", timeout=COPY_S
        )
        if answer != f"COPY {count}":
            raise StoreError(f"{table}: the batch says {count} rows, PostgreSQL says {answer}")
        rows[table] = count
    return rows


async def _derive(connection: Any, rows: dict[str, int], first_seq: int, last_seq: int) -> None:
    """What follows from the rows just copied."""
    if "patients_seen" in rows or "encounter_events" in rows:
        await connection.execute(sql("derive_patients"), first_seq, last_seq)
    if "encounter_events" in rows:
        for name in ("derive_demographics", "derive_identities", "derive_ward"):
            await connection.execute(sql(name), first_seq, last_seq)
