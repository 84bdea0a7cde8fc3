"""The writing half of the store: batches in, rows and cursor in one transaction, exactly once (P2).

A batch at or below the cursor is skipped, one that continues at the cursor is written, any other is a `StoreGap`.
After an error nothing is half done: the connection is thrown away, the same call may be repeated, and the cursor tells
whether a lost answer to COMMIT had been a yes. Each write looks whether the database is still the one that was claimed:
one that was restored from a backup, emptied or exchanged is refused (`StoreChanged`), never written to and never taken
for having stored what it has not.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import structlog

from nightlamp.store import migrate as schema
from nightlamp.store.apart import Apart, FrameOf
from nightlamp.store.copy import Batch, by_table
from nightlamp.store.errors import StoreChanged, StoreError, StoreGap, translate
from nightlamp.store.rows import copy, derive
from nightlamp.store.statements import sql

_log = structlog.get_logger("nightlamp.store")
CONNECT_S, STATEMENT_S = 5.0, 60.0
#: How long maintenance waits for a table somebody reads, and makes writers wait behind it.
MAINTAIN_LOCK_S = 2
#: Partitions made ahead and behind; later or earlier rows go to the default partition, none is refused.
AHEAD, BACK = timedelta(days=3), timedelta(days=1)
#: Late and corrected values mostly come within days; compressed chunks take the rest, only slower.
COMPRESS_AFTER = timedelta(days=7)
#: Alerts, or messages, that one statement of retention takes; statements a call.
FORGET_MAX, FORGET_ROUNDS_MAX = 1_000, 50


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: the cursor after it, batches skipped because they were stored before, rows by table."""

    cursor: int
    skipped: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    #: Rows the database would not have; each became a dead letter.
    refused: int = 0


class Writer:
    """One connection, one transaction at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._turn = asyncio.Lock()
        self._connection: Any = None
        #: The process that served the last connection: it may still hold the cursor when the line broke.
        self._backend: int | None = None
        #: The journal that was claimed, the newest frame known to be stored, and those that may be: nobody answered
        #: their COMMIT.
        self._journal: str | None = None
        self._stored, self._doubted = 0, set[int]()

    async def migrate(self) -> list[str]:
        """Bring the schema up to date and make partitions; names of the migrations applied. Raises StoreError."""
        async with self._connected() as connection:
            applied = await schema.migrate(connection)
        try:
            await self.maintain()
        except StoreError as error:
            _log.warning("partitions could not be made; the default partition takes the rows", reason=str(error))
        return applied

    async def maintain(self, keep: timedelta | None = None) -> tuple[int, int]:
        """Make partitions ahead and, with `keep`, drop observations and scores older than that. Call it hourly.

        Returns (partitions made, chunks or partitions dropped). Raises StoreUnavailable where somebody reads the tables
        (a backup): three days of partitions are there, so later will do.
        """
        now = datetime.now(UTC)
        async with self._connected() as connection:
            # A backup reads every table for as long as it takes: step aside, so that nobody queues behind us.
            await connection.execute(f"SET lock_timeout = '{MAINTAIN_LOCK_S}s'")
            made = await connection.fetchval(sql("make_partitions"), now, BACK, AHEAD)
            await connection.fetchval(sql("compress_old"), COMPRESS_AFTER)
            dropped = await connection.fetchval(sql("drop_old"), now, keep) if keep else 0
            await connection.execute("RESET lock_timeout")
        return made, dropped

    async def forget_alerts(self, keep: timedelta) -> tuple[int, int]:
        """Drop alerts cleared, and messages about steps, longer ago than that: (alerts, messages). Call it hourly.

        At most `FORGET_ROUNDS_MAX` statements of `FORGET_MAX` a call, each by itself: storing waits behind one alone.
        """
        before, counts = datetime.now(UTC) - keep, []
        for name in ("drop_alerts", "drop_deliveries"):
            gone = 0
            for _ in range(FORGET_ROUNDS_MAX):
                async with self._connected() as connection:
                    found = await connection.fetchval(sql(name), before, FORGET_MAX)
                gone += found
                if found < FORGET_MAX:
                    break
            counts.append(gone)
        return counts[0], counts[1]

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
            self._journal, self._stored = journal, int(row["seq"])
            return self._stored

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
        """Store consecutive batches in one transaction, one COPY a table. Errors as `write`, and RowsRefused."""
        async with self._new(batches) as (connection, new, cursor):
            if not new:
                return Written(cursor, len(batches))
            rows = {}
            for table, (count, streams) in by_table(new).items():
                await copy(connection, table, count, streams)
                rows[table] = count
            await derive(connection, rows, new[0].first_seq, new[-1].last_seq)
        return Written(new[-1].last_seq, len(batches) - len(new), rows)

    async def write_apart(self, batch: Batch, frame_of: FrameOf) -> Written:
        """Store a batch that `write` refused: the rows it cannot have become dead letters, in the same transaction."""
        async with self._new([batch]) as (connection, new, cursor):
            if not new:
                return Written(cursor, 1)
            apart = Apart(connection, batch, frame_of)
            rows = await apart.write()
        return Written(batch.last_seq, 0, rows, len(apart.refused))

    async def close(self) -> None:
        """Close the connection after the write under way."""
        async with self._turn:
            if self._connection is not None:
                with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await self._connection.close(timeout=CONNECT_S)
                self._connection = None

    @asynccontextmanager
    async def _new(self, batches: Sequence[Batch]) -> AsyncIterator[tuple[Any, list[Batch], int]]:
        """A transaction with the cursor's row locked: (connection, batches not stored before, cursor).

        Ends by moving the cursor to the last of them.
        """
        async with self._connected() as connection:
            async with connection.transaction():
                cursor = self._check(await connection.fetchrow(sql("lock_cursor")))
                new = [batch for batch in batches if batch.last_seq > cursor]
                _check_order(cursor, new)
                yield connection, new, cursor
                if new:
                    self._doubted.add(new[-1].last_seq)
                    await connection.execute(sql("move_cursor"), new[-1].last_seq)
            self._stored, self._doubted = new[-1].last_seq if new else cursor, set()

    def _check(self, row: Any) -> int:
        """The cursor, if this is the database that was claimed, with all it has confirmed and nothing of others."""
        if self._journal is None:
            return int(row["seq"])
        if row is None or row["journal"] != self._journal:
            raise StoreChanged(
                "the database no longer belongs to this journal: it was exchanged or emptied. Give back the one it "
                "had, or restart nightlamp with an empty one"
            )
        cursor = int(row["seq"])
        if cursor < self._stored:
            raise StoreChanged(
                f"the database stands at frame {cursor}, and had confirmed {self._stored}: it was restored from a "
                "backup, or a copy that lagged took over. Restart nightlamp: it makes the missing rows again from the "
                "journal"
            )
        if cursor > self._stored and cursor not in self._doubted:
            raise StoreChanged(
                f"the database stands at frame {cursor}, and this server has stored up to {self._stored}: another "
                "server writes to it for the same journal. Stop one of them, then restart nightlamp"
            )
        return cursor

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        """The connection, opened anew where the last use failed."""
        async with self._turn:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await _open(self._url, self._backend)
                    self._backend = self._connection.get_server_pid()
                yield self._connection
            except BaseException as error:
                # Whatever it was (a cancelled COPY, a lost line): what the server believes is unknown, so start anew.
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                # The end of a transaction on a broken line raises errors of its own: an order to stop outlives them.
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from error
                if (known := translate(error)) is not None:
                    raise known from error
                raise


async def _open(url: str, before: int | None) -> Any:
    """A connection; the process of the one `before` is ended, should it wait for the rest of a broken line."""
    connection = await asyncpg.connect(
        url,
        timeout=CONNECT_S,
        command_timeout=STATEMENT_S,
        server_settings={"application_name": "nightlamp store", "timezone": "UTC"},
    )
    try:
        await connection.execute(sql("session"))
        if before is not None:
            await connection.execute(sql("end_backend"), before)
        await connection.execute(sql("stage_patients"))
    except BaseException:
        connection.terminate()
        raise
    return connection


def _check_order(cursor: int, batches: Sequence[Batch]) -> None:
    expected = cursor + 1
    for batch in batches:
        if batch.first_seq != expected or batch.last_seq < batch.first_seq:
            raise StoreGap(
                f"the cursor stands at {expected - 1}, the batch covers {batch.first_seq} to {batch.last_seq}"
            )
        expected = batch.last_seq + 1
