"""Rows of one table into the transaction that is open, and what follows from them."""

from collections.abc import AsyncIterator, Container, Sequence
from typing import Any

from nightlamp.store.copy import COLUMNS, joined
from nightlamp.store.errors import StoreError
from nightlamp.store.statements import sql

COPY_S = 60.0
#: Tables from which others are derived.
DERIVED_FROM = frozenset({"patients_seen", "encounter_events"})


async def copy(connection: Any, table: str, count: int, streams: Sequence[bytes]) -> None:
    """One COPY of `count` rows. Raises StoreError where PostgreSQL counted others."""
    await copy_stream(connection, table, count, joined(streams))


async def copy_stream(connection: Any, table: str, count: int, stream: AsyncIterator[Any]) -> None:
    """The same from one stream."""
    answer = await connection.copy_to_table(
        table, source=stream, columns=COLUMNS[table], format="binary", timeout=COPY_S
    )
    if answer != f"COPY {count}":
        raise StoreError(f"{table}: the batch says {count} rows, PostgreSQL says {answer}")


async def derive(connection: Any, tables: Container[str], first_seq: int, last_seq: int) -> None:
    """What follows from the rows of the frames first_seq to last_seq just copied into these tables."""
    if "patients_seen" in tables or "encounter_events" in tables:
        await connection.execute(sql("derive_patients"), first_seq, last_seq)
    if "encounter_events" in tables:
        for name in ("derive_demographics", "derive_identities", "derive_ward"):
            await connection.execute(sql(name), first_seq, last_seq)
