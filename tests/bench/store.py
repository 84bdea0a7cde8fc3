"""COPY of pre-encoded observations into the indexed table of an embedded PostgreSQL, cursor in the same transaction.

Run it: python -m tests.bench.store. 240,000 rows a run in batches of 80,000 (what a transaction takes under load), of
10,000 and of 1,000, one connection, the table emptied before each run: 1,000 patients x 8 signals in journal order, and
one patient's, whose keys nearly ascend.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import asyncpg

from nightlamp import __version__
from nightlamp.store import Store
from tests.bench.database import PATIENTS, SIGNALS, Observations, store
from tests.bench.figures import Side, compare

ROWS = 240_000
INCLUDED = (
    "pre-encoded by Rust's format (encoding not included); sorting for the index, index, cursor and the check of the "
    "database's owner included"
)


class Writing:
    """A store that is written again and again, from where the cursor stands."""

    def __init__(self, loop: asyncio.AbstractEventLoop, found: Store, url: str) -> None:
        self._loop, self._store = loop, found
        self.url = url
        self._sql: asyncpg.Connection = loop.run_until_complete(asyncpg.connect(url))

    def run(self, work: Coroutine[Any, Any, float]) -> float:
        """In the loop of the store."""
        return self._loop.run_until_complete(work)

    async def emptied(self) -> int:
        """An empty table; the next frame."""
        await self._sql.execute("TRUNCATE observations")
        await self._sql.execute("CHECKPOINT")
        return await self._store.cursor() + 1

    async def rows(self) -> int:
        """How many rows the table holds."""
        return int(await self._sql.fetchval("SELECT count(*) FROM observations"))

    def ours(self, size: int, patients: int = PATIENTS) -> Callable[[], float]:
        """Measures rows a second in batches of this size."""

        async def write() -> float:
            first = await self.emptied()
            batches = [Observations(first + at // SIGNALS, size, patients).batch() for at in range(0, ROWS, size)]
            began = time.perf_counter()
            for batch in batches:
                await self._store.write(batch)
            spent = time.perf_counter() - began
            assert await self.rows() == ROWS
            return ROWS / spent

        return lambda: self.run(write())

    def close(self) -> None:
        """Let go of the connection."""
        self._loop.run_until_complete(self._sql.close())


def with_store(work: Callable[[Writing], None]) -> None:
    """Give a store on a database of its own to this function."""
    with asyncio.Runner() as runner:
        parts = store()
        found, url = runner.run(parts.__aenter__())
        try:
            writing = Writing(runner.get_loop(), found, url)
            work(writing)
            writing.close()
        finally:
            runner.run(parts.__aexit__(None, None, None))


def main() -> None:
    """Measure and print."""

    def measure(writing: Writing) -> None:
        for patients, whose in ((PATIENTS, ""), (1, "one_patient.")):
            for size in (80_000, 10_000, 1_000):
                side = Side("nightlamp", __version__, writing.ours(size, patients), INCLUDED, True)
                what = f"observations of {patients:,} patients in batches of {size:,}"
                compare(f"store.ours.{whose}{size}", what, "rows/s", "higher", [side], 5)

    with_store(measure)


if __name__ == "__main__":
    main()
