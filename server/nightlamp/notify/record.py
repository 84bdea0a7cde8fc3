"""Remembers in the database what became of each message, and tells a new run what an earlier one brought to its end.

Writing never holds up sending: outcomes are gathered, written together, and kept while PostgreSQL is away, the newest
`RECORDS_MAX` of them. What is lost beyond that is counted; a restart may then send those messages again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import structlog

from nightlamp.notify.stats import NotifyStats
from nightlamp.notify.waiting import Job
from nightlamp.store.statements import sql

_log = structlog.get_logger("nightlamp.notify")
QUERIES = Path(__file__).with_name("queries.sql")
RECORDS_MAX, ROWS_MAX = 20_000, 1_000
GATHER_S, RETRY_S, ANSWER_S_MAX, FLUSH_S_MAX = 0.1, 1.0, 10.0, 0.8

Key = tuple[int, int, str]
"""Frame, place in it, channel."""


class Recorder:
    """The table notification_deliveries, over one connection of its own."""

    def __init__(self, url: str, stats: NotifyStats) -> None:
        self._url, self._stats = url, stats
        self._rows: dict[Key, tuple[object, ...]] = {}
        self._news = asyncio.Event()
        self._connection: Any = None
        self._lock = asyncio.Lock()

    def note(self, job: Job, state: str) -> None:
        """Remember a job's state; a newer one replaces an older one that is not written yet. Never waits."""
        step, now = job.step, datetime.now(UTC)
        delivered_at = now if state == "delivered" else None
        what = (job.attempts, state, job.error, now, delivered_at)
        self._rows.pop(job.key, None)
        self._rows[job.key] = (*job.key, int(step.id), step.at, step.severity, step.kind, *what)
        if len(self._rows) > RECORDS_MAX:
            del self._rows[next(iter(self._rows))]
            self._stats.records_dropped += 1
        self._stats.records_waiting = len(self._rows)
        self._news.set()

    async def run(self) -> None:
        """Write until cancelled."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await asyncio.sleep(GATHER_S)
                while self._rows:
                    if not await self._write_some():
                        await asyncio.sleep(RETRY_S)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S_MAX):
                    while self._rows and await self._write_some():
                        pass
            await self.close()

    async def _write_some(self) -> bool:
        """The oldest rows, in one statement; False where they must be written again."""
        keys = [key for key, _ in zip(self._rows, range(ROWS_MAX), strict=False)]
        rows = [self._rows[key] for key in keys]
        try:
            async with self._answering() as connection:
                await connection.execute(sql("put_deliveries", QUERIES), *map(list, zip(*rows, strict=True)))
        except Exception as error:
            if not self._stats.record_failures:
                _log.warning("deliveries cannot be recorded now; they are kept", reason=type(error).__name__)
            self._stats.record_failures += 1
            await self.close()
            return False
        for key, row in zip(keys, rows, strict=True):
            if self._rows.get(key) is row:
                del self._rows[key]
        self._stats.records_waiting = len(self._rows)
        return True

    async def ended(self, since: datetime) -> dict[Key, datetime]:
        """The messages about steps since then that came to their end, with the step's time. Raises where it cannot."""
        async with self._answering() as connection:
            rows = await connection.fetch(sql("ended_deliveries", QUERIES), since)
        return {(row["seq"], row["ordinal"], row["channel"]): row["at"] for row in rows}

    async def known_since(self, channels: Sequence[str]) -> dict[str, datetime]:
        """Since when each channel has been in use, a new one since now. Raises as `ended`."""
        async with self._answering() as connection:
            await connection.execute(sql("know_channels", QUERIES), list(channels))
            rows = await connection.fetch(sql("channels_since", QUERIES), list(channels))
        return {row["channel"]: row["since"] for row in rows}

    async def others_than(self, channels: Sequence[str]) -> list[str]:
        """Channels that were in use, but these. Raises as `ended`."""
        async with self._answering() as connection:
            rows = await connection.fetch(sql("channels_but", QUERIES), list(channels))
        return [row["channel"] for row in rows]

    async def forget(self, channel: str) -> None:
        """It is no longer in use. Raises as `ended`."""
        async with self._answering() as connection:
            await connection.execute(sql("forget_channel", QUERIES), channel)

    async def first_step(self, since: datetime) -> int | None:
        """Cursor (`seq << 16 | ordinal`) of the first alert event since then, or None."""
        async with self._answering() as connection:
            found: int | None = await connection.fetchval(sql("first_step", QUERIES), since)
        return found

    async def of_alert(self, alert_id: int) -> list[dict[str, Any]]:
        """Every message about an alert, in order. Raises where it cannot be read."""
        async with self._answering() as connection:
            rows = await connection.fetch(sql("deliveries_of_alert", QUERIES), alert_id)
        return [dict(row) for row in rows]

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[Any]:
        async with self._lock, asyncio.timeout(ANSWER_S_MAX):
            if self._connection is None or self._connection.is_closed():
                settings = {"application_name": "nightlamp notify", "timezone": "UTC", "jit": "off"}
                self._connection = await asyncpg.connect(self._url, timeout=ANSWER_S_MAX, server_settings=settings)
            yield self._connection

    async def close(self) -> None:
        """End the connection; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
