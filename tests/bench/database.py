"""A private PostgreSQL with nightlamp's schema for benches, and observations as Rust hands them to store."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.store import Store
from nightlamp.store.copy import COLUMNS

PATIENTS, SIGNALS = 1_000, 8
PG_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
#: A tuple of binary COPY: the number of fields, then each field with its length in front.
TUPLE = np.dtype(
    [("fields", ">i2")]
    + [
        part
        for name, kind in zip(
            COLUMNS["observations"], (">i8", ">i4", "V16", ">i2", ">i8", ">i8", ">f8", ">i2", ">i2"), strict=True
        )
        for part in ((f"{name}_bytes", ">i4"), (name, kind))
    ]
)


@asynccontextmanager
async def store() -> AsyncIterator[tuple[Store, str]]:
    """A migrated store on an embedded PostgreSQL of its own, and the database's URL."""
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
        server = await EmbeddedPostgresql.start(Path(folder))
        try:
            found = await Store.connect(server.url)
            await found.migrate()
            await found.register([(n, f"S{n}", "1", None) for n in range(SIGNALS)])
            yield found, server.url
            await found.close()
        finally:
            await server.stop()


@dataclass(frozen=True)
class Rows:
    """A batch as the engine hands it over."""

    first_seq: int
    last_seq: int
    tables: list[tuple[str, int, bytes]]

    @property
    def frames(self) -> int:
        return self.last_seq - self.first_seq + 1


@dataclass(frozen=True)
class Observations:
    """`count` observations of 1,000 patients x 8 signals, a round of all of them a second, from a frame on.

    With one patient it is what a backfill sends: the keys of the index nearly ascend.
    """

    first_seq: int
    count: int
    patients: int = PATIENTS

    def records(self) -> list[tuple[Any, ...]]:
        """As tuples, in the order of the table's columns in COPY."""
        began = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0)
        found = []
        for at in range(self.count):
            seq, ordinal = self.first_seq + at // SIGNALS, at % SIGNALS
            when = began + timedelta(seconds=seq // self.patients % 80_000)
            found.append((seq, ordinal, _patient(seq % self.patients), ordinal, when, when, 60.0 + at % 600 / 10, 1, 3))
        return found

    def batch(self) -> Rows:
        """The same as one batch with its COPY stream."""
        rows = np.zeros(self.count, TUPLE)
        columns = COLUMNS["observations"]
        rows["fields"] = len(columns)
        for name in columns:
            rows[f"{name}_bytes"] = TUPLE[name].itemsize
        for name, values in zip(columns, zip(*self.records(), strict=True), strict=True):
            if name == "patient_id":
                rows[name] = np.array([value.bytes for value in values], "V16")
            elif name.endswith("_at"):
                rows[name] = [(value - PG_EPOCH) // timedelta(microseconds=1) for value in values]
            else:
                rows[name] = values
        stream = b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff"
        last = self.first_seq + (self.count - 1) // SIGNALS
        return Rows(self.first_seq, last, [("observations", self.count, stream)])


def _patient(number: int) -> UUID:
    """As scattered as pseudonyms are."""
    return UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)
