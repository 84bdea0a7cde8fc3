"""From the lane to the database: what waits is written in order, in as few transactions as is good (P2, P3).

A transaction costs the same for one row and for a thousand, so they begin at least `GAP_S` apart, unless `GAP_BYTES` of
rows wait: what comes after a quiet moment is written at once, under load a transaction holds 40,000 rows and
more, sorted in the order of their index (`rows`).

One transaction takes up to `BYTES_MAX` of rows, whatever the number of batches, so that a backlog drains much faster
than it grew. After a failure the next one takes half, down to one batch: a database that manages only small pieces gets
small pieces. Pauses between attempts grow from 0.1 to 1 s. A batch with a row that the database will not have is
written apart: that row becomes a dead letter, nothing else waits for it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from nightlamp._core import CoreError
from nightlamp.spool import Lane, Rows, StoredRows
from nightlamp.store import RowsRefused, StoreError, StoreUnavailable, Written

_log = structlog.get_logger("nightlamp.pipeline")
#: One transaction: rows, and batches.
BYTES_MAX, BATCHES_MAX = 8 << 20, 2_048
#: Between the beginnings of two transactions, unless so many bytes wait.
GAP_S, GAP_BYTES = 0.1, 4 << 20
#: Less than this is one batch at a time.
BYTES_MIN = 64 << 10
RETRY_S_MIN, RETRY_S_MAX = 0.1, 1.0
#: An outage is logged when it begins and ends, and so often between.
SAY_EVERY_S = 60.0
Frame = tuple[int, str, str, int, bytes]


class Engine(Protocol):
    """The part of `_core.Engine` this needs."""

    def stored(self, seq: int) -> None:
        """Every frame up to this one is stored: the journal may forget it in time."""
        ...

    def read_frame(self, seq: int) -> Frame | None:
        """(source, principal, context, received_at_us, payload); None once it is gone. Raises CoreError."""
        ...


class Writer(Protocol):
    """The part of `store.Store` this needs."""

    async def write_many(self, batches: Sequence[Rows]) -> Written:
        """Rows and cursor in one transaction; batches at or below the cursor are skipped."""
        ...

    async def write_apart(self, batch: Rows, frame_of: Callable[[int], Frame | None]) -> Written:
        """The same for one batch that was RowsRefused; what the database will not have becomes dead letters."""
        ...


@dataclass(slots=True)
class StoreProgress:
    """How far storing is; read by metrics and health."""

    batches_stored: int = 0
    frames_stored: int = 0
    rows_stored: dict[str, int] = field(default_factory=dict)
    rows_refused: int = 0
    stored_seq: int = 0
    store_failures: int = 0
    #: What store meets now, without any value of a row; None while it writes.
    store_error: str | None = None
    #: Whether waiting does not help: a person has to look.
    store_stuck: bool = False


class Storing:
    """Takes from the lane for as long as it runs."""

    def __init__(self, engine: Engine, writer: Writer, lane: Lane, progress: StoreProgress) -> None:
        self._engine, self._writer, self._lane, self._progress = engine, writer, lane, progress
        self._bytes_max, self._pause_s, self._said_at, self._began_at = BYTES_MAX, RETRY_S_MIN, 0.0, 0.0
        #: Batches to be written one by one: a row in one of them was refused.
        self._single = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            head: list[StoredRows] = []
            try:
                head = await self._gathered()
                self._began_at = time.monotonic()
                written = await self._write(head)
                if written is not None:
                    await self._done(head, written)
            except Exception as error:
                await self._failed(error, head)

    async def _gathered(self) -> list[StoredRows]:
        """What the next transaction takes."""
        if self._single:
            return await self._lane.head(1, self._bytes_max)
        head = await self._lane.head(BATCHES_MAX, self._bytes_max)
        early_s = self._began_at + GAP_S - time.monotonic()
        if early_s <= 0 or sum(rows.bytes for rows in head) >= GAP_BYTES:
            return head
        await asyncio.sleep(early_s)
        return await self._lane.head(BATCHES_MAX, self._bytes_max)

    async def _write(self, head: list[StoredRows]) -> Written | None:
        """None where a row of several batches was refused: each of them is to be written by itself."""
        try:
            return await self._writer.write_many(head)
        except RowsRefused:
            if len(head) > 1:
                self._single = len(head)
                return None
            return await self._writer.write_apart(head[0], self._frame)

    def _frame(self, seq: int) -> Frame | None:
        try:
            return self._engine.read_frame(seq)
        except CoreError:
            return None

    async def _failed(self, error: Exception, head: list[StoredRows]) -> None:
        progress = self._progress
        progress.store_failures += 1
        said = str(error) if isinstance(error, StoreError) else type(error).__name__
        stuck, now = not isinstance(error, StoreUnavailable), time.monotonic()
        if progress.store_error is None or progress.store_stuck != stuck or now > self._said_at + SAY_EVERY_S:
            last_seq, self._said_at = head[-1].last_seq if head else None, now
            _log.warning("store cannot write; rows wait", last_seq=last_seq, reason=said, exc_info=error)
        progress.store_error, progress.store_stuck = said, stuck
        self._bytes_max = self._bytes_max // 2 if self._bytes_max > BYTES_MIN else 1
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, RETRY_S_MAX)

    async def _done(self, head: list[StoredRows], written: Written) -> None:
        progress, last_seq = self._progress, head[-1].last_seq
        if progress.store_error is not None:
            _log.info("store writes again", last_seq=last_seq, batches_waiting=self._lane.batches)
        progress.store_error, progress.store_stuck, self._pause_s = None, False, RETRY_S_MIN
        self._bytes_max = min(max(self._bytes_max, BYTES_MIN // 2) * 2, BYTES_MAX)
        self._single = max(0, self._single - len(head))
        await self._lane.drop(len(head))
        progress.stored_seq = last_seq
        self._engine.stored(last_seq)
        progress.rows_refused += written.refused
        for rows in head:
            progress.batches_stored += 1
            progress.frames_stored += rows.frames
        for table, count in _counts(head, written).items():
            progress.rows_stored[table] = progress.rows_stored.get(table, 0) + count


def _counts(head: list[StoredRows], written: Written) -> dict[str, int]:
    """Rows by table: as written, or of what was stored before without our hearing of it."""
    if not written.skipped:
        return written.rows
    counts: dict[str, int] = {}
    for rows in head:
        for table, count, _ in rows.tables:
            counts[table] = counts.get(table, 0) + count
    return counts
