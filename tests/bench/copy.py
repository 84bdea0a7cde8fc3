"""COPY of observations that Rust has encoded: rows a second with index, cursor and partitions, in batches of 10,000.

    python -m tests.bench.copy [--rows 1000000] [--batch 10000] [--runs 5]

A million rows of 1,000 patients and 8 signals, one transaction a batch, as the store writes them. Beside it, in the
same run and into the same table, asyncpg's own `copy_records_to_table` of the same values, encoded one by one.
"""

import argparse
import asyncio
import json
import os
import statistics
import struct
import tempfile
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.store import Store
from nightlamp.store.copy import COLUMNS

PG_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
PATIENTS = [uuid.uuid5(uuid.NAMESPACE_OID, str(n)) for n in range(1_000)]
HEAD, TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), struct.pack("!h", -1)


@dataclass(frozen=True)
class Rows:
    """A batch as the engine hands it over."""

    first_seq: int
    last_seq: int
    frames: int
    tables: list[tuple[str, int, bytes]]


def _values(seq: int, count: int, now: datetime) -> list[tuple[object, ...]]:
    at = [(seq * count + n) for n in range(count)]
    return [
        (seq, n, PATIENTS[one // 8 % 1_000], one % 8 + 1, now + timedelta(microseconds=one), now, 80.0 + n % 40, 1, 3)
        for n, one in enumerate(at)
    ]


def _encoded(values: list[tuple[object, ...]]) -> bytes:
    row = struct.Struct("!hiqiii16sihiqiqidihih")
    since = {}

    def us(at: object) -> int:
        assert isinstance(at, datetime)
        return since.setdefault(at, (at - PG_EPOCH) // timedelta(microseconds=1))

    rows = [
        row.pack(9, 8, seq, 4, n, 16, p.bytes, 2, signal, 8, us(at), 8, us(received), 8, value, 2, status, 2, source)
        for seq, n, p, signal, at, received, value, status, source in values  # type: ignore[attr-defined]
    ]
    return HEAD + b"".join(rows) + TAIL


async def _run(url: str, rows: int, size: int) -> tuple[float, float]:
    store = await Store.connect(url)
    await store.migrate()
    now = datetime.now(UTC)
    made = [_values(seq, size, now) for seq in range(1, rows // size + 1)]
    batches = [Rows(seq, seq, 1, [("observations", size, _encoded(one))]) for seq, one in enumerate(made, 1)]
    began = time.perf_counter()
    for batch in batches:
        await store.write(batch)
    ours = rows / (time.perf_counter() - began)
    await store.close()
    connection = await asyncpg.connect(url)
    await connection.execute("TRUNCATE observations")
    began = time.perf_counter()
    for one in made:
        await connection.copy_records_to_table("observations", records=one, columns=COLUMNS["observations"])
    theirs = rows / (time.perf_counter() - began)
    await connection.close()
    return ours, theirs


async def _all(wanted: argparse.Namespace) -> None:
    found = []
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
        server = await EmbeddedPostgresql.start(Path(folder))
        try:
            for run in range(wanted.runs):
                admin = await asyncpg.connect(server.url)
                await admin.execute(f"CREATE DATABASE run{run} TEMPLATE template0")
                found.append(await _run(server.url.replace("/nightlamp?", f"/run{run}?"), wanted.rows, wanted.batch))
                await admin.execute(f"DROP DATABASE run{run} WITH (FORCE)")
                await admin.close()
                print(
                    json.dumps({"pre_encoded": round(found[-1][0]), "asyncpg_records": round(found[-1][1])}), flush=True
                )
        finally:
            await server.stop()
    medians = [statistics.median(one) for one in zip(*found, strict=True)]
    print(
        json.dumps(
            {
                "median_rows_per_s": {"pre_encoded": round(medians[0]), "asyncpg_records": round(medians[1])},
                "load": os.getloadavg(),
            }
        )
    )


def main() -> None:
    """Print rows a second of each run, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    asyncio.run(_all(parser.parse_args()))


if __name__ == "__main__":
    main()
