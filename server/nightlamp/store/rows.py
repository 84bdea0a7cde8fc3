"""Rows of one table into the transaction that is open, and what follows from them."""

import asyncio
from collections.abc import AsyncIterator, Container, Coroutine, Sequence
from typing import Any

from nightlamp._core import copy_in_index_order
from nightlamp.store.copy import COLUMNS, joined
from nightlamp.store.errors import StoreError
from nightlamp.store.statements import sql

COPY_S = 60.0
#: How often a COPY that is under way looks whether its line still stands.
LOOK_S = 1.0
#: More rows than this (about 0.1 ms) are sorted beside the event loop.
SORT_HERE_BYTES_MAX = 64 << 10
#: Tables from which others are derived.
DERIVED_FROM = frozenset({"patients_seen", "encounter_events"})


async def copy(connection: Any, table: str, count: int, streams: Sequence[bytes]) -> None:
    """One COPY of `count` rows. Raises StoreError where PostgreSQL counted others."""
    await copy_stream(connection, table, count, joined(await _in_index_order(table, streams)))


async def _in_index_order(table: str, streams: Sequence[bytes]) -> Sequence[bytes]:
    """The same rows in the order in which PostgreSQL's index takes them fastest, where the table has one that pays."""
    try:
        if sum(map(len, streams)) <= SORT_HERE_BYTES_MAX:
            ordered = copy_in_index_order(table, streams)
        else:
            ordered = await asyncio.to_thread(copy_in_index_order, table, streams)
    except ValueError:
        return streams  # PostgreSQL says what is wrong with them
    return streams if ordered is None else [ordered]


async def copy_stream(connection: Any, table: str, count: int, stream: AsyncIterator[Any]) -> None:
    """The same from one stream."""
    copying = connection.copy_to_table(table, source=stream, columns=COLUMNS[table], format="binary", timeout=COPY_S)
    answer = await _watched(connection, copying)
    if answer != f"COPY {count}":
        raise StoreError(f"{table}: the batch says {count} rows, PostgreSQL says {answer}")


async def _watched(connection: Any, copying: Coroutine[Any, Any, str]) -> str:
    """The answer to a COPY, or that its line broke.

    asyncpg waits for room in the line without a limit, and under uvloop a line that breaks meanwhile never gives any:
    the COPY would wait for ever. Raises ConnectionError, TimeoutError after COPY_S and what COPY raises.
    """
    work = asyncio.ensure_future(copying)
    try:
        async with asyncio.timeout(COPY_S):
            while not (await asyncio.wait({work}, timeout=LOOK_S))[0]:
                if connection.is_closed():
                    raise ConnectionError("the line broke inside COPY")
        return work.result()
    finally:
        if not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=LOOK_S)
        if work.done() and not work.cancelled():
            work.exception()  # it was asked for: nobody else will


async def derive(connection: Any, tables: Container[str], first_seq: int, last_seq: int) -> None:
    """What follows from the rows of the frames first_seq to last_seq just copied into these tables."""
    if "patients_seen" in tables or "encounter_events" in tables:
        await connection.execute(sql("derive_patients"), first_seq, last_seq)
    if "encounter_events" in tables:
        for name in ("derive_demographics", "derive_identities", "derive_ward"):
            await connection.execute(sql(name), first_seq, last_seq)
