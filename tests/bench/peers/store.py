"""COPY beside asyncpg's copy_records_to_table: the same rows into the same indexed table of one PostgreSQL, in turns.

Both write 240,000 observations in batches of 1,000 and of 10,000, one transaction a batch, a cursor moved in the same
transaction; the table is emptied before each run and counted after it, and the sums of the values are compared.
asyncpg is given tuples of Python values that are ready before the clock starts, nightlamp COPY streams as Rust
encodes them.
"""

import time
from collections.abc import Callable
from importlib.metadata import version

import asyncpg

from nightlamp import __version__
from nightlamp.store.copy import COLUMNS
from tests.bench.database import SIGNALS, Observations
from tests.bench.figures import Side, compare
from tests.bench.store import INCLUDED, ROWS, Writing, with_store


def main() -> None:
    """Compare."""

    def measure(writing: Writing) -> None:
        _same_rows(writing)
        for size in (10_000, 1_000):
            sides = [
                Side("nightlamp", __version__, writing.ours(size), INCLUDED, True),
                Side(
                    "asyncpg copy_records_to_table",
                    version("asyncpg"),
                    _theirs(writing, size),
                    "tuples ready; index, cursor",
                ),
            ]
            compare(f"store.{size}", f"observations in batches of {size:,}", "rows/s", "higher", sides, 5)

    with_store(measure)


def _same_rows(writing: Writing) -> None:
    """Raises AssertionError unless both ways leave the same rows."""

    async def left() -> float:
        sql = await asyncpg.connect(writing.url)
        found = await sql.fetchval("SELECT sum(hashtextextended(observations::text, 0)) FROM observations")
        await sql.close()
        return float(found)

    async def both() -> float:
        first = await writing.emptied()
        few = Observations(first, 1_000)
        await writing._store.write(few.batch())
        mine = await left()
        await writing.emptied()
        sql = await asyncpg.connect(writing.url)
        await sql.copy_records_to_table("observations", records=few.records(), columns=COLUMNS["observations"])
        await sql.close()
        assert await left() == mine, "other rows"
        return mine

    writing.run(both())


def _theirs(writing: Writing, size: int) -> Callable[[], float]:
    async def write() -> float:
        first = await writing.emptied()
        batches = [Observations(first + at // SIGNALS, size).records() for at in range(0, ROWS, size)]
        sql = await asyncpg.connect(writing.url)
        await sql.execute("CREATE TABLE IF NOT EXISTS bench_cursor AS SELECT 0::bigint AS seq")
        began = time.perf_counter()
        for batch in batches:
            async with sql.transaction():
                await sql.copy_records_to_table("observations", records=batch, columns=COLUMNS["observations"])
                await sql.execute("UPDATE bench_cursor SET seq = $1", batch[-1][0])
        spent = time.perf_counter() - began
        await sql.close()
        assert await writing.rows() == ROWS
        return ROWS / spent

    return lambda: writing.run(write())


if __name__ == "__main__":
    main()
