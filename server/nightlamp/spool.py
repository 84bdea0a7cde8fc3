"""Finished batches on their way to PostgreSQL: first in memory, then in spool files, in order (P3).

PostgreSQL being slow or away must not stop scoring, so the lane takes batches as they come: up to `memory_bytes_max`
in memory, then up to `spool_bytes_max` in `<data>/store.spool.<number>`, files of `FILE_BYTES` each, of which one is
removed as soon as it was read. Past that, or while the disk takes no more, it makes the pipeline wait (P5). The spool
needs no fsync and is emptied at the start: the journal is the truth, and a replay from the store's cursor makes the
same batches again.
"""

import asyncio
import contextlib
import errno
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import msgspec
import structlog

_log = structlog.get_logger("nightlamp.spool")
Table = tuple[str, int, bytes]
Found = TypeVar("Found")
FILE_BYTES = 64 << 20
#: Between two looks whether the disk takes more.
DISK_PAUSE_S = 1.0


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


@dataclass(slots=True)
class _File:
    """One file of the spool: batches end to end, each a length and msgpack."""

    path: Path
    handle: BinaryIO
    written: int = 0


class Spool:
    """A queue of batches in files. A file is removed once everything in it was dropped."""

    def __init__(self, path: Path) -> None:
        self._path, self._number = path, 0
        self._files: deque[_File] = deque()
        self._read_at = self.bytes = 0
        #: Files that the disk would not remove. They hold nothing that waits; the next start tries again.
        self.files_left = 0
        for left_over in path.parent.glob(f"{path.name}*"):
            self._unlink(left_over)

    @property
    def empty(self) -> bool:
        """Whether nothing waits in it."""
        return self.bytes == 0

    def append(self, rows: StoredRows) -> None:
        """Add at the end. Raises OSError, and then has changed nothing."""
        if not self._files or self._files[-1].written >= FILE_BYTES:
            self._files.append(self._open())
        file, body = self._files[-1], msgspec.msgpack.encode(rows)
        record = memoryview(len(body).to_bytes(8, "little") + body)
        at = file.written
        try:
            while record:
                done = os.pwrite(file.handle.fileno(), record, at)
                record, at = record[done:], at + done
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file.handle.fileno(), file.written)  # half a record need not keep the disk full
            raise
        file.written = at
        self.bytes += 8 + len(body)

    def oldest(self, batches_max: int, bytes_max: int) -> list[tuple[StoredRows, int]]:
        """The oldest batches and their sizes here: at least one, of one file, at most these. They stay until `drop`."""
        file, at, found = self._files[0], self._read_at, list[tuple[StoredRows, int]]()
        until = at + bytes_max
        while at < file.written and len(found) < batches_max:
            length = int.from_bytes(os.pread(file.handle.fileno(), 8, at), "little")
            if found and at + 8 + length > until:
                break
            body = os.pread(file.handle.fileno(), length, at + 8)
            found.append((msgspec.msgpack.decode(body, type=StoredRows), 8 + length))
            at += 8 + length
        return found

    def drop(self, size: int) -> None:
        """Forget the oldest batches, of this size together."""
        self._read_at += size
        self.bytes -= size
        file = self._files[0]
        if self._read_at == file.written and (self.empty or file.written >= FILE_BYTES):
            self._remove(self._files.popleft())
            self._read_at = 0

    def close(self) -> None:
        """Remove it."""
        while self._files:
            self._remove(self._files.popleft())
        self._read_at = self.bytes = 0

    def _open(self) -> _File:
        self._number += 1
        path = self._path.with_name(f"{self._path.name}.{self._number}")
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        return _File(path, os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0))

    def _remove(self, file: _File) -> None:
        with contextlib.suppress(OSError):
            file.handle.close()
        self._unlink(file.path)

    def _unlink(self, path: Path) -> None:
        """Remove a file; where the disk refuses, what was in it is stored all the same: counted, said once."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self.files_left += 1
            if self.files_left == 1:
                _log.error("a spool file cannot be removed; look at the disk", errno=error.errno, exc_info=error)


class Lane:
    """A queue in order: memory first, the spool once memory is full, memory again when the spool has run dry."""

    def __init__(self, path: Path, memory_bytes_max: int, spool_bytes_max: int) -> None:
        self._spool, self._memory = Spool(path), deque[StoredRows]()
        #: The spool's own: what was begun goes on where who asked for it is cancelled, and `close` waits for it.
        self._thread = ThreadPoolExecutor(1, "spool")
        self._memory_bytes_max, self._spool_bytes_max = memory_bytes_max, spool_bytes_max
        self._lock, self._filled, self._emptied = asyncio.Lock(), asyncio.Event(), asyncio.Event()
        #: Sizes in the spool of the batches that `head` gave.
        self._sizes: list[int] = []
        self.memory_bytes = self.batches = self.batches_spooled = 0
        #: Why the disk takes no more (errno's name for it); None while it does.
        self.spool_error: str | None = None

    @property
    def spool_bytes(self) -> int:
        """Bytes that wait in the spool."""
        return self._spool.bytes

    @property
    def files_left(self) -> int:
        """Spool files that the disk would not remove."""
        return self._spool.files_left

    @property
    def full(self) -> bool:
        """Whether the pipeline has to wait."""
        return self._spool.bytes >= self._spool_bytes_max

    async def put(self, rows: StoredRows) -> None:
        """Add a batch; waits only while the spool is full or the disk takes no more."""
        while not await self._put(rows):
            self._emptied.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), DISK_PAUSE_S)
        self._filled.set()

    async def _put(self, rows: StoredRows) -> bool:
        """Add a batch where there is room."""
        async with self._lock:
            if self.full:
                return False
            if self._spool.empty and (self.memory_bytes + rows.bytes <= self._memory_bytes_max or not self._memory):
                self._memory.append(rows)
                self.memory_bytes += rows.bytes
            else:
                try:
                    await self._on_disk(self._spool.append, rows)
                except OSError as error:
                    self.spool_error = errno.errorcode.get(error.errno or 0, type(error).__name__)
                    return False
                self.batches_spooled += 1
            self.spool_error = None
            self.batches += 1
            return True

    async def head(self, batches_max: int, bytes_max: int = 1 << 62) -> list[StoredRows]:
        """The oldest batches, at least one: it waits for it. They stay until `drop`."""
        while True:
            async with self._lock:
                if self._memory:
                    return self._oldest_in_memory(batches_max, bytes_max)
                if not self._spool.empty:
                    found = await self._on_disk(self._spool.oldest, batches_max, bytes_max)
                    self._sizes = [size for _, size in found]
                    return [rows for rows, _ in found]
                self._filled.clear()
            await self._filled.wait()

    def _oldest_in_memory(self, batches_max: int, bytes_max: int) -> list[StoredRows]:
        found = list[StoredRows]()
        for rows in self._memory:
            bytes_max -= rows.bytes
            if found and (len(found) == batches_max or bytes_max < 0):
                break
            found.append(rows)
        return found

    async def _on_disk(self, work: Callable[..., Found], *given: Any) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *given)

    async def drop(self, batches: int) -> None:
        """Forget what `head` gave: it is stored."""
        async with self._lock:
            if self._memory:
                for _ in range(batches):
                    self.memory_bytes -= self._memory.popleft().bytes
            else:
                await self._on_disk(self._spool.drop, sum(self._sizes[:batches]))
                self._sizes = self._sizes[batches:]
            self.batches -= batches
        self._emptied.set()

    async def empty(self) -> None:
        """Return once nothing waits."""
        while self.batches:
            self._emptied.clear()
            await self._emptied.wait()

    def close(self) -> None:
        """Forget everything. Waits for what the spool's thread is at."""
        self._thread.shutdown(cancel_futures=True)
        self._spool.close()
