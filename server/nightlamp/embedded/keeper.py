"""Keeps an embedded server there: one that ended by itself is started again, every 5 s at most."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from nightlamp.tasks import died_of, end

from .child import EmbeddedError

_log = structlog.get_logger("nightlamp.embedded")
LOOK_EVERY_S, RETRY_S = 1.0, 5.0


class Part(Protocol):
    """An embedded server."""

    @property
    def url(self) -> str:
        """Where to reach it; the same after a restart."""
        ...

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        ...

    async def stop(self) -> None:
        """End it."""
        ...


class Keeper:
    """One embedded server and its restarts."""

    def __init__(self, name: str, start: Callable[[], Awaitable[Part]], part: Part) -> None:
        self._name, self._start, self._part = name, start, part
        self._task = asyncio.create_task(self._keep(), name=f"keep {name}")
        self._task.add_done_callback(died_of)

    @classmethod
    async def start(cls, name: str, start: Callable[[], Awaitable[Part]]) -> "Keeper":
        """Start the server and keep it. Raises EmbeddedError when the first start fails."""
        return cls(name, start, await start())

    @property
    def url(self) -> str:
        """Where to reach it."""
        return self._part.url

    async def stop(self) -> None:
        """Stop keeping, then stop the server."""
        await end(self._task)
        await self._part.stop()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._part.running:
                continue
            _log.error("an embedded server ended by itself and is started again", server=self._name)
            try:
                self._part = await self._start()
            except (EmbeddedError, OSError) as error:
                _log.error("it does not start", server=self._name, exc_info=error)
                await asyncio.sleep(RETRY_S)
