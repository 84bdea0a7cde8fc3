"""The Python half of the route: batches come from the engine, go to publish at once and to store in order.

    engine.next_batch -> hub.offer (never waits) -> lane (memory, then spool) -> store.write_many (rows and cursor, one
    transaction)

Publishing does not wait for PostgreSQL, and nothing in front of the lane notices when it is away (P3).
"""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from nightlamp import storing
from nightlamp.spool import Lane, StoredRows
from nightlamp.storing import StoreProgress, Storing, Writer
from nightlamp.tasks import died_of, end

if TYPE_CHECKING:
    from nightlamp._core import Batch

_log = structlog.get_logger("nightlamp.pipeline")
#: The engine rings when there is a batch; without a ring it is asked so often whether it has failed.
LOOK_S = 0.5


class Engine(storing.Engine, Protocol):
    """The part of `_core.Engine` this needs."""

    def batches_fd(self) -> int:
        """An eventfd, readable once a batch waits, and once none will come any more."""
        ...

    def next_batch(self, timeout_ms: int) -> "Batch | None":
        """The next finished batch; None after the time or once stopped; RuntimeError when the pipeline failed."""
        ...


class Publisher(Protocol):
    """The part of `publish.Hub` this needs."""

    def offer(self, batch: "Batch") -> None:
        """Take a batch; neither waits nor raises."""
        ...


@dataclass(slots=True)
class Progress(StoreProgress):
    """How far the Python half is; read by metrics and health."""

    batches_taken: int = 0
    frames_taken: int = 0
    taken_seq: int = 0
    #: Type of the error that ended taking; None while it runs.
    take_error: str | None = None
    #: Why the route has not begun: what the database says; None once it has.
    waits_for: str | None = None


class Pipeline:
    """Two loops joined by the lane: `_take` and `Storing`."""

    def __init__(self, engine: Engine, publisher: Publisher, writer: Writer, lane: Lane, cursor: int = 0) -> None:
        self._engine, self._publisher, self.lane = engine, publisher, lane
        self._news, self._ending = asyncio.Event(), False
        self._tasks: list[asyncio.Task[None]] = []
        self.progress = Progress(taken_seq=cursor, stored_seq=cursor)
        self._storing = Storing(engine, writer, lane, self.progress)

    def start(self, cursor: int | None = None) -> None:
        """Start both loops, behind the frame `cursor` where it was not known before."""
        if cursor is not None:
            self.progress.taken_seq = self.progress.stored_seq = cursor
        loops = {"take": self._take(), "store": self._storing.run()}
        self._tasks = [asyncio.create_task(loop, name=name) for name, loop in loops.items()]
        for task in self._tasks:
            task.add_done_callback(self._died)

    def _died(self, task: asyncio.Task[None]) -> None:
        """A loop that ended by an error is shown as a stage that is down: nobody else would notice."""
        why = died_of(task)
        if why is None:
            return
        if task.get_name() == "take":
            self.progress.take_error = why
        else:
            self.progress.store_error, self.progress.store_stuck = f"storing has ended: {why}", True

    async def drain(self, within_s: float) -> bool:
        """After the engine has stopped: take what is left and store it, at most `within_s`; True if all is stored.

        What is not stored in time is not lost: the next start makes it again from the journal. A pipeline that was
        never started only gives back its spool.
        """
        self._ending = True
        self._news.set()
        if not self._tasks:
            self._close()
            return True
        take, store = self._tasks
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.wait({take})
                await self.lane.empty()
        stored = take.done() and self.progress.take_error is None and not self.lane.batches
        await end(take, store)
        self._close()
        return stored

    def _close(self) -> None:
        self.lane.close()

    async def _take(self) -> None:
        loop, progress, bell = asyncio.get_running_loop(), self.progress, self._engine.batches_fd()
        loop.add_reader(bell, self._rung, bell)
        try:
            while True:
                ending = self._ending
                self._news.clear()
                batch = self._engine.next_batch(0)
                if batch is None:
                    if ending:
                        return
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_S):
                            await self._news.wait()
                    continue
                self._publisher.offer(batch)
                if batch.frames:  # none after a start: who is present, for the consoles; nothing to store
                    await self.lane.put(StoredRows(batch.first_seq, batch.last_seq, batch.frames, batch.tables))
                    progress.batches_taken += 1
                    progress.frames_taken += batch.frames
                    progress.taken_seq = batch.last_seq
                await asyncio.sleep(0)  # who waits for the loop goes between two batches
        except Exception as error:
            progress.take_error = type(error).__name__
            _log.error("the pipeline stopped taking batches", exc_info=error)
        finally:
            loop.remove_reader(bell)

    def _rung(self, bell: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(bell)
        self._news.set()
