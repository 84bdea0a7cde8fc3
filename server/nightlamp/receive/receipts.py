"""Requests waiting for the journal, told in order when the engine says how far the disk is (P1).

No task and no timer per frame: the engine's eventfd wakes the loop once per group commit, and everything up to the
durable sequence number is answered; one timer stands for whoever has waited longest. Limit: `receipts_max` waiting,
then 503. When the journal has failed or its disk is full, whoever waits is refused at once: their frames are not
acknowledged, and copies sent later are recognised.
"""

import asyncio
import os
from collections import deque
from typing import Protocol

from nightlamp.errors import Problem


class DurableSource(Protocol):
    """The part of `_core.Engine` this needs."""

    def durable_fd(self) -> int:
        """An eventfd, readable when `durable_seq` has advanced."""
        ...

    def durable_seq(self) -> int:
        """The highest sequence number on disk."""
        ...

    def journal_withheld(self) -> tuple[str, int, str] | None:
        """(code, HTTP status, detail) while what waits will not be on disk soon."""
        ...

    def journal_failed(self) -> str | None:
        """Why the journal will never write again."""
        ...


class Waiter(Protocol):
    """Who waits; a future is one."""

    def done(self) -> bool:
        """Whether it no longer waits."""
        ...

    def set_result(self, result: None, /) -> None:
        """Its frame is on disk."""
        ...

    def set_exception(self, exception: BaseException, /) -> None:
        """Its frame is not acknowledged, for this reason."""
        ...

    def cancel(self) -> object:
        """The server stops."""
        ...


class Receipts:
    """Waiters by sequence number. Sequence numbers are handed in as the engine gave them out: ascending."""

    def __init__(self, engine: DurableSource, receipts_max: int, timeout_s: float) -> None:
        self._engine, self._receipts_max, self._timeout_s = engine, receipts_max, timeout_s
        #: Sequence number, when it has waited too long (the loop's clock), who.
        self._waiting: deque[tuple[int, float, Waiter]] = deque()
        self._fd: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        #: Set once the journal will never write again.
        self.failed = asyncio.Event()

    def start(self) -> None:
        """Listen to the engine; call on the loop that serves requests."""
        self._fd = self._engine.durable_fd()
        os.set_blocking(self._fd, False)
        asyncio.get_running_loop().add_reader(self._fd, self._advance)

    def stop(self) -> None:
        """Stop listening; whoever still waits gets 503."""
        if self._fd is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._fd = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            *_, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.cancel()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def check_room(self) -> None:
        """Raise a 503 `Problem` when the limit is reached; call before submitting."""
        if len(self._waiting) >= self._receipts_max:
            raise Problem(503, "overloaded", "Too many requests wait for the journal; try again.")

    async def durable(self, seq: int) -> None:
        """Return once `seq` is on disk.

        Raises a `Problem` where the frame is not acknowledged: 507 for a full disk, 503 for a failed journal and when
        it takes too long. It may be on disk later all the same: the sender sends it again, and copies are recognised.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.wait(seq, future)
        await future

    def wait(self, seq: int, waiter: Waiter) -> None:
        """Tell `waiter` once `seq` is on disk, at once where it is; or the reason, as `durable`."""
        if self._engine.durable_seq() >= seq:
            waiter.set_result(None)
        elif (withheld := self._withheld()) is not None:
            waiter.set_exception(withheld)
        else:
            loop = asyncio.get_running_loop()
            until = loop.time() + self._timeout_s
            self._waiting.append((seq, until, waiter))
            if self._timer is None:
                self._timer = loop.call_at(until, self._expire)

    def _expire(self) -> None:
        """Refuse those who have waited too long; look again when the next one will have."""
        loop, waiting = asyncio.get_running_loop(), self._waiting
        late = Problem(503, "overloaded", "The journal did not confirm in time; send again, copies are recognised.")
        while waiting and waiting[0][1] <= loop.time():
            *_, waiter = waiting.popleft()
            if not waiter.done():
                waiter.set_exception(late)
        self._timer = loop.call_at(waiting[0][1], self._expire) if waiting else None

    def _advance(self) -> None:
        if self._fd is None:
            return
        try:
            os.eventfd_read(self._fd)
        except BlockingIOError:
            return
        durable = self._engine.durable_seq()
        waiting = self._waiting
        while waiting and waiting[0][0] <= durable:
            *_, waiter = waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
        if (withheld := self._withheld()) is None:
            return
        if self._engine.journal_failed() is not None:
            self.failed.set()
        while waiting:
            *_, waiter = waiting.popleft()
            if not waiter.done():
                waiter.set_exception(withheld)

    def _withheld(self) -> Problem | None:
        if (why := self._engine.journal_withheld()) is None:
            return None
        code, status, detail = why
        return Problem(status, code, detail)
