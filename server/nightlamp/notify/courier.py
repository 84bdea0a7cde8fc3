"""Sends one channel's messages on a thread of its own, with a deadline, so that no service can hold up anything else.

An attempt that outlives its deadline is given up: its thread ends by itself when the service lets go, and a new one
takes its place, at most `THREADS_MAX` at once; while all of them hang, attempts end as `busy` at once. A given-up
attempt may still arrive: delivery is at least once. Threads are daemons: a stop does not wait for a service.
"""

import asyncio
import contextlib
import threading
import time
from typing import Protocol

from nightlamp.notify.address import Outcome
from nightlamp.notify.words import Message

THREADS_MAX = 4
#: What an attempt may take beside the waiting on the service: name look-up, several pieces, a busy machine.
GRACE_S = 2.0


class Sender(Protocol):
    """What a courier needs of `Address`."""

    throttle_s: float

    def send(self, message: Message) -> Outcome:
        """One attempt; blocks."""
        ...


class Courier:
    """One attempt at a time."""

    def __init__(self, name: str, sender: Sender, attempt_s_max: float) -> None:
        self._name, self._sender = name, sender
        self._deadline_s = attempt_s_max + sender.throttle_s + GRACE_S
        self.hanging = 0
        """Threads that outlived their deadline and have not ended."""

    async def send(self, message: Message) -> Outcome:
        """One attempt, waited for at most until its deadline. Never raises but when cancelled."""
        if self.hanging >= THREADS_MAX:
            return Outcome("busy", 0.0)
        loop, began = asyncio.get_running_loop(), time.monotonic()
        ended: asyncio.Future[Outcome] = loop.create_future()

        def work() -> None:
            try:
                outcome = self._sender.send(message)
            except Exception:  # whatever it says may hold an address
                outcome = Outcome("internal", time.monotonic() - began)
            with contextlib.suppress(RuntimeError):  # the loop may be closed by then
                loop.call_soon_threadsafe(self._end, ended, outcome)

        try:
            threading.Thread(target=work, name=f"notify {self._name}", daemon=True).start()
        except (RuntimeError, MemoryError):  # no thread is to be had now, at a limit of processes for one
            return Outcome("internal", time.monotonic() - began)
        try:
            await asyncio.wait({ended}, timeout=self._deadline_s)
        finally:
            if not ended.done():
                self.hanging += 1
                ended.add_done_callback(self._let_go)
        return ended.result() if ended.done() else Outcome("timeout", time.monotonic() - began)

    @staticmethod
    def _end(ended: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
        if not ended.done():
            ended.set_result(outcome)

    def _let_go(self, _: "asyncio.Future[Outcome]") -> None:
        self.hanging -= 1
