"""The route's beginning: the database says up to which frame it has rows, and the engine goes on from there.

A PostgreSQL of the site's own that does not answer yet is waited for, where this data folder has been used before:
after a power cut the database may take minutes, and frames are taken by HTTP and made durable meanwhile (P1, P3). The
MQTT doors open and scoring begins once it has answered; `/readyz` is 503 until then. At the very first start it must
answer: a mistyped URL would be waited for for ever.
"""

import asyncio
from collections.abc import Sequence

import structlog

from nightlamp._core import Engine
from nightlamp.endings import StartError
from nightlamp.pipeline import Pipeline
from nightlamp.store import Store, StoreUnavailable

_log = structlog.get_logger("nightlamp.beginning")
RETRY_S = 1.0
Signals = Sequence[tuple[int, str, str, str | None]]
Scorers = Sequence[tuple[str, str, bytes, str]]


class Beginning:
    """One engine and one database, brought together."""

    def __init__(
        self, store: Store, engine: Engine, pipeline: Pipeline, journal: str, signals: Signals, scorers: Scorers
    ) -> None:
        self._store, self._engine, self._pipeline, self._journal = store, engine, pipeline, journal
        self._signals, self._scorers = signals, scorers

    async def now(self) -> None:
        """Begin. Raises StoreUnavailable (it may be tried again), other StoreErrors and StartError (do not)."""
        await self._store.migrate()
        cursor = await self._store.claim(self._journal)
        await self._store.register(self._signals, self._scorers)
        try:
            await asyncio.to_thread(self._engine.start, cursor)
        except (ValueError, RuntimeError) as error:
            raise StartError(str(error)) from None
        self._pipeline.start(cursor)

    async def now_or_later(self, *, patient: bool) -> bool:
        """Begin; False where the database does not answer and is to be waited for (`later`). Raises as `now`."""
        try:
            await self.now()
        except StoreUnavailable as error:
            if not patient:
                text = f"PostgreSQL (database.url) must answer at the first start and does not: {error}"
                raise StartError(text) from None
            self._pipeline.progress.waits_for = str(error)
            _log.warning("PostgreSQL does not answer yet; frames are taken, scoring waits for it", reason=str(error))
            return False
        return True

    async def later(self) -> None:
        """Try until it answers. Raises what ends a start: StoreError, StartError."""
        while True:
            await asyncio.sleep(RETRY_S)
            try:
                await self.now()
            except StoreUnavailable as error:
                self._pipeline.progress.waits_for = str(error)
                continue
            self._pipeline.progress.waits_for = None
            _log.info("PostgreSQL has answered; the route begins", cursor=self._pipeline.progress.stored_seq)
            return
