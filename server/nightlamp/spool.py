"""Finished batches on their way to PostgreSQL: first in memory, then in a spool file, in order (P3).

PostgreSQL being slow or away must not stop scoring, so the lane takes batches as they come: up to `memory_bytes_max`
in memory, then up to `spool_bytes_max` in `<data>/store.spool`. Past that it makes the pipeline wait (P5). The spool
needs no fsync and is emptied at the start: the journal is the truth, and a replay from the store's cursor makes the
same batches again.
"""

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec

Table = tuple[str, int, bytes]


class Rows(Protocol):
    """What store needs of a batch."""

    @property
    def first_seq(self) -> int:
        """First frame."""
        ...

    @property
    def last_seq(self) -> int:
        """Last frame: the cursor after it."""
        ...

    @property
    def frames(self) -> int:
        """How many."""
        ...

    @property
    def tables(self) -> Sequence[Table]:
        """(table, rows, COPY stream)."""
        ...


@dataclass(frozen=True, slots=True)
class StoredRows:
    """A batch as it waits: without its messages, which are published already."""

    first_seq: int
    last_seq: int
    frames: int
    tables: list[Table]

    @property
    def bytes(self) -> int:
        """Memory its rows take."""
        return 256 + sum(len(stream) for _, _, stream in self.tables)


class Spool:
    """A queue of batches in one file: length, then msgpack. Emptied when it runs dry."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        self._read_at = self.bytes = 0

    @property
    def empty(self) -> bool:
        """Whether nothing waits in it."""
        return self._read_at == self.bytes

    def append(self, rows: StoredRows) -> None:
        """Add at the end."""
        body = msgspec.msgpack.encode(rows)
        self._file.seek(self.bytes)
        self._file.write(len(body).to_bytes(8, "little"))
        self._file.write(body)
        self.bytes += 8 + len(body)

    def first(self) -> tuple[StoredRows, int]:
        """The oldest batch and where the next one starts; stays until `drop`."""
        self._file.seek(self._read_at)
        length = int.from_bytes(self._file.read(8), "little")
        rows = msgspec.msgpack.decode(self._file.read(length), type=StoredRows)
        return rows, self._read_at + 8 + length

    def drop(self, next_at: int) -> None:
        """Forget the oldest batch."""
        self._read_at = next_at
        if self.empty:
            self._file.truncate(0)
            self._read_at = self.bytes = 0

    def close(self) -> None:
        """Empty and close it."""
        self._file.truncate(0)
        self._file.close()


class Lane:
    """A queue in order: memory first, the spool once memory is full, memory again when the spool has run dry."""

    def __init__(self, path: Path, memory_bytes_max: int, spool_bytes_max: int) -> None:
        self._spool, self._memory = Spool(path), deque[StoredRows]()
        self._memory_bytes_max, self._spool_bytes_max = memory_bytes_max, spool_bytes_max
        self._lock, self._filled, self._emptied = asyncio.Lock(), asyncio.Event(), asyncio.Event()
        self._spool_next_at = self.memory_bytes = self.batches = self.batches_spooled = 0

    @property
    def spool_bytes(self) -> int:
        """Bytes in the spool file."""
        return self._spool.bytes

    @property
    def full(self) -> bool:
        """Whether the pipeline has to wait."""
        return self._spool.bytes >= self._spool_bytes_max

    async def put(self, rows: StoredRows) -> None:
        """Add a batch; waits only while the spool is full."""
        while self.full:
            self._emptied.clear()
            await self._emptied.wait()
        async with self._lock:
            if self._spool.empty and (self.memory_bytes + rows.bytes <= self._memory_bytes_max or not self._memory):
                self._memory.append(rows)
                self.memory_bytes += rows.bytes
            else:
                await asyncio.to_thread(self._spool.append, rows)
                self.batches_spooled += 1
            self.batches += 1
        self._filled.set()

    async def head(self, batches_max: int) -> list[StoredRows]:
        """The oldest batches, at least one: it waits for it. They stay until `drop`."""
        while True:
            async with self._lock:
                if self._memory:
                    return list(islice(self._memory, batches_max))
                if not self._spool.empty:
                    rows, self._spool_next_at = await asyncio.to_thread(self._spool.first)
                    return [rows]
                self._filled.clear()
            await self._filled.wait()

    async def drop(self, batches: int) -> None:
        """Forget what `head` gave: it is stored."""
        async with self._lock:
            if self._memory:
                for _ in range(batches):
                    self.memory_bytes -= self._memory.popleft().bytes
            else:
                await asyncio.to_thread(self._spool.drop, self._spool_next_at)
            self.batches -= batches
        self._emptied.set()

    async def empty(self) -> None:
        """Return once nothing waits."""
        while self.batches:
            self._emptied.clear()
            await self._emptied.wait()

    def close(self) -> None:
        """Forget everything."""
        self._spool.close()
