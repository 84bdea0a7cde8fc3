"""How fast a spooled backlog reaches PostgreSQL, by the clock and by processor seconds: product code, no server around.

python -m tests.fault.store.drain                 in transactions as the product makes them
python -m tests.fault.store.drain --batches 1     one batch a transaction, as it once was
"""

import argparse
import asyncio
import os
import struct
import tempfile
import time
from pathlib import Path

from nightlamp import storing
from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.spool import Lane, StoredRows
from nightlamp.store import Store

FRAMES_A_BATCH, PATIENTS, SIGNALS = 64, 1_000, 8
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
#: observations: field count, then (length, value) of seq, ordinal, patient, signal, times, value, status, source.
_ROW = struct.Struct("!hiqiii16sihiqiqidihih")
_EPOCH_S = 946_684_800


class NoEngine:
    """Nobody to tell."""

    def stored(self, seq: int) -> None:
        """Is stored."""

    def read_frame(self, seq: int) -> None:
        """No journal."""


def batch(first_seq: int, patients: list[bytes], began_us: int) -> StoredRows:
    """Readings of eight signals, of one patient after the other, 5,000 a second."""
    rows = [
        _ROW.pack(9, 8, seq, 4, signal, 16, patients[seq % PATIENTS], 2, signal, 8, at, 8, at, 8, 1.0, 2, 1, 2, 3)
        for seq in range(first_seq, first_seq + FRAMES_A_BATCH)
        for at in (began_us + seq * 200,)
        for signal in range(SIGNALS)
    ]
    stream = b"".join([_HEADER, *rows, _TRAILER])
    return StoredRows(first_seq, first_seq + FRAMES_A_BATCH - 1, FRAMES_A_BATCH, [("observations", len(rows), stream)])


async def run(folder: Path, batches: int) -> None:
    """Spool them, drain them, print."""
    postgresql = await EmbeddedPostgresql.start(folder)
    store = await Store.connect(postgresql.url)
    await store.migrate()
    await store.claim("drain")
    lane, progress = Lane(folder / "spool", 1 << 20, 1 << 34), storing.StoreProgress()
    patients, began_us = [os.urandom(16) for _ in range(PATIENTS)], int((time.time() - _EPOCH_S) * 1e6)
    for place in range(batches):
        await lane.put(batch(1 + place * FRAMES_A_BATCH, patients, began_us))
    began, own = time.monotonic(), time.process_time()
    task = asyncio.create_task(storing.Storing(NoEngine(), store, lane, progress).run())
    await lane.empty()
    spent, own = time.monotonic() - began, time.process_time() - own
    task.cancel()
    frames = progress.frames_stored
    load = os.getloadavg()[0]
    print(f"{frames} frames in {spent:.2f} s: {frames / spent:,.0f} frames/s; own CPU {own:.2f} s; load {load:.1f}")
    await store.close()
    await postgresql.stop()


def main() -> None:
    """Read the arguments, run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=storing.BATCHES_MAX, help="most batches in one transaction")
    storing.BATCHES_MAX = parser.parse_args().batches
    with tempfile.TemporaryDirectory(prefix="nightlamp-drain-") as folder:
        asyncio.run(run(Path(folder), 900))


if __name__ == "__main__":
    main()
