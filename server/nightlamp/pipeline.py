"""The Python half of the route: batches come from the engine, go to publish at once and to store in order.

    engine.next_batch -> hub.offer (never waits) -> lane (memory, then spool) -> store.write_many (rows and cursor, one
    transaction)

Publishing does not wait for PostgreSQL, and nothing in front of the lane notices when it is away (P3).
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog

from nightlamp.spool import Lane, Rows, StoredRows

if TYPE_CHECKING:
    from nightlamp._core import Batch

_log = structlog.get_logger("nightlamp.pipeline")
NEXT_BATCH_MS = 500
#: Nothing, sooner than this, is no wait but an engine that has stopped: ask again after a pause, do not spin.
EMPTY_S_MIN, EMPTY_PAUSE_S = 0.05, 0.1
#: Batches in one transaction: what piled up meanwhile is written together.
STORE_BATCHES_MAX = 64
RETRY_S_MIN, RETRY_S_MAX = 0.1, 5.0


class Engine(Protocol):
    """The part of `_core.Engine` this needs."""

    def next_batch(self, timeout_ms: int) -> "Batch | None":
        """The next finished batch; None after the time or once stopped; RuntimeError when the pipeline failed."""
        ...

    def stored(self, seq: int) -> None:
        """Every frame up to this one is stored: the journal may forget it in time."""
        ...


class Publisher(Protocol):
    """The part of `publish.Hub` this needs."""

    def offer(self, batch: "Batch") -> None:
        """Take a batch; neither waits nor raises."""
        ...


class Writer(Protocol):
    """The part of `store.Store` this needs."""

    async def write_many(self, batches: Sequence[Rows]) -> object:
        """Rows and cursor in one transaction; batches at or below the cursor are skipped."""
        ...


@dataclass(slots=True)
class Progress:
    """How far the Python half is; read by metrics and health."""

    batches_taken: int = 0
    frames_taken: int = 0
    taken_seq: int = 0
    batches_stored: int = 0
    frames_stored: int = 0
    rows_stored: dict[str, int] = field(default_factory=dict)
    stored_seq: int = 0
    store_failures: int = 0
    #: Type of the error that store meets now; None while it writes.
    store_error: str | None = None
    #: Type of the error that ended taking; None while it runs.
    take_error: str | None = None


class Pipeline:
    """Two loops joined by the lane: `_take` and `_store`."""

    def __init__(self, engine: Engine, publisher: Publisher, writer: Writer, lane: Lane, cursor: int) -> None:
        self._engine, self._publisher, self._writer, self.lane = engine, publisher, writer, lane
        self._thread = ThreadPoolExecutor(1, "batches")
        self._ending = False
        self._tasks: list[asyncio.Task[None]] = []
        self.progress = Progress(taken_seq=cursor, stored_seq=cursor)

    def start(self) -> None:
        """Start both loops."""
        self._tasks = [asyncio.create_task(self._take(), name="take"), asyncio.create_task(self._store(), name="store")]

    async def drain(self, within_s: float) -> bool:
        """After the engine has stopped: take what is left and store it, at most `within_s`; True if all is stored.

        What is not stored in time is not lost: the next start makes it again from the journal. A pipeline that was
        never started only gives back its thread and its spool.
        """
        self._ending = True
        if not self._tasks:
            self._close()
            return True
        take, store = self._tasks
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.wait({take})
                await self.lane.empty()
        stored = take.done() and self.progress.take_error is None and not self.lane.batches
        for task in (take, store):
            task.cancel()
        await asyncio.gather(take, store, return_exceptions=True)
        self._close()
        return stored

    def _close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.lane.close()

    async def _take(self) -> None:
        loop, progress = asyncio.get_running_loop(), self.progress
        try:
            while True:
                ending, asked = self._ending, time.monotonic()
                batch = await loop.run_in_executor(self._thread, self._engine.next_batch, NEXT_BATCH_MS)
                if batch is None:
                    if ending:
                        return
                    if time.monotonic() - asked < EMPTY_S_MIN:
                        await asyncio.sleep(EMPTY_PAUSE_S)
                    continue
                self._publisher.offer(batch)
                if not batch.frames:
                    continue  # after a start: who is present, for the consoles; nothing to store
                await self.lane.put(StoredRows(batch.first_seq, batch.last_seq, batch.frames, batch.tables))
                progress.batches_taken += 1
                progress.frames_taken += batch.frames
                progress.taken_seq = batch.last_seq
        except Exception as error:
            progress.take_error = type(error).__name__
            _log.error("the pipeline stopped taking batches", exc_info=error)

    async def _store(self) -> None:
        progress, pause_s = self.progress, RETRY_S_MIN
        while True:
            head = await self.lane.head(STORE_BATCHES_MAX)
            last_seq = head[-1].last_seq
            try:
                await self._writer.write_many(head)
            except Exception as error:
                progress.store_failures += 1
                if progress.store_error != type(error).__name__:
                    _log.warning("store cannot write; rows wait", last_seq=last_seq, exc_info=error)
                progress.store_error = type(error).__name__
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_S_MAX)
                continue
            if progress.store_error is not None:
                _log.info("store writes again", last_seq=last_seq, batches_waiting=self.lane.batches)
            progress.store_error, pause_s = None, RETRY_S_MIN
            await self.lane.drop(len(head))
            progress.stored_seq = last_seq
            self._engine.stored(last_seq)
            for rows in head:
                progress.batches_stored += 1
                progress.frames_stored += rows.frames
                for table, count, _ in rows.tables:
                    progress.rows_stored[table] = progress.rows_stored.get(table, 0) + count
