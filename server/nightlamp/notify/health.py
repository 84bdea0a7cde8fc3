"""Tells the route that a channel died or lives again: a frame in the journal, and so an alert like any other.

The newest state of each channel is told, again every `RETRY_S` until the journal has taken it. Telling the same twice
changes nothing (`Actions.channel`).
"""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

import structlog

_log = structlog.get_logger("nightlamp.notify")
RETRY_S = 5.0


class Tell(Protocol):
    """`alerting.Actions.channel`."""

    def __call__(self, name: str, *, dead: bool, reason: str) -> Awaitable[object]:
        """Journal it; raises where it cannot be now."""
        ...


class Health:
    """What is to be told of channels: at most one thing each."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell
        self._news: dict[str, tuple[bool, str]] = {}
        self._some = asyncio.Event()

    def put(self, name: str, dead: bool, reason: str) -> None:
        """Tell this of a channel; what was not told yet is replaced. Never waits."""
        if self._tell is not None:
            self._news[name] = (dead, reason)
            self._some.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            for name, news in list(self._news.items()):
                if not await self._told(name, *news):
                    await asyncio.sleep(RETRY_S)
                    self._some.set()
                elif self._news.get(name) == news:
                    del self._news[name]

    async def _told(self, name: str, dead: bool, reason: str) -> bool:
        assert self._tell is not None
        try:
            await self._tell(name, dead=dead, reason=reason)
        except Exception as error:  # a full journal, a stop: whatever it is, it is tried again
            _log.warning("the state of a channel could not be journalled", channel=name, reason=type(error).__name__)
            return False
        return True
