"""Files into a backup or out of one: by pieces, hashed on the way, on disk before they count."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from nightlamp.backup.manifest import BackupError, File

#: Called with what is being done, MiB done, MiB in all.
Report = Callable[[str, int, int], None]
PIECE_BYTES = 1 << 20


def silent(what: str, done: int, total: int) -> None:
    """A report nobody reads."""


def full_disk(error: OSError, where: Path) -> BackupError:
    """What to say when writing fails."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return BackupError(f"the disk of {where} is full; nothing of this backup was kept")
    return BackupError(f"{error.filename or where}: {error.strerror}")


class Target:
    """A folder that files are written to."""

    def __init__(self, folder: Path, earlier: dict[str, File] | None = None, base: Path | None = None) -> None:
        self.folder, self._earlier, self._base = folder, earlier or {}, base
        self.files: list[File] = []
        #: Files shared with the earlier backup.
        self.linked: dict[str, int] = {}

    def put(self, path: str, content: bytes) -> None:
        """A small file."""
        target = self._make(path)
        with _create(target) as out:
            out.write(content)
            _settle(out)
        self.files.append(File(path, len(content), hashlib.sha256(content).hexdigest()))

    def copy(self, path: str, source: int, size: int, *, finished: bool = False, done: Callable[[int], None]) -> None:
        """The first `size` bytes of an open file. `finished`: nobody changes it any more, so a link to the earlier
        backup's copy will do where that has the same name and size."""
        if finished and self._link(path, size):
            done(size)
            return
        digest, left, offset = hashlib.sha256(), size, 0
        with _create(self._make(path)) as out:
            while left:
                piece = os.pread(source, min(left, PIECE_BYTES), offset)
                if not piece:
                    raise BackupError(f"{path} became shorter while it was copied")
                digest.update(piece)
                out.write(piece)
                left, offset = left - len(piece), offset + len(piece)
                done(len(piece))
            _settle(out)
        self.files.append(File(path, size, digest.hexdigest()))

    def made(self, path: str, size: int, sha256: str) -> None:
        """A file that was written by somebody else."""
        self.files.append(File(path, size, sha256))

    def path(self, path: str) -> Path:
        """Where a file goes; its folder is made."""
        return self._make(path)

    def _link(self, path: str, size: int) -> bool:
        earlier = self._earlier.get(path)
        if self._base is None or earlier is None or earlier.bytes != size:
            return False
        try:
            os.link(self._base / path, self._make(path))
        except OSError:
            return False  # another filesystem, or one without links: copy
        self.files.append(earlier)
        self.linked[path] = size
        return True

    def _make(self, path: str) -> Path:
        for parent in reversed(Path(path).parents[:-1]):
            (self.folder / parent).mkdir(mode=0o700, exist_ok=True)  # one by one: `parents` would forget the mode
        return self.folder / path

    def sync(self) -> None:
        """All names are on disk."""
        for folder, _, _ in os.walk(self.folder):
            sync_folder(Path(folder))


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _settle(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


def sync_folder(folder: Path) -> None:
    """Names made in it, or taken away, are on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path, size: int | None = None, done: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file, or of its first bytes."""
    digest, left = hashlib.sha256(), size
    with path.open("rb", buffering=0) as file:
        while left is None or left > 0:
            piece = file.read(PIECE_BYTES if left is None else min(left, PIECE_BYTES))
            if not piece:
                break
            digest.update(piece)
            left = None if left is None else left - len(piece)
            if done:
                done(len(piece))
    return digest.hexdigest()


class Meter:
    """Bytes done, told in MiB."""

    def __init__(self, what: str, total: int, report: Report) -> None:
        self._what, self._total, self._report, self._done = what, total, report, 0

    def __call__(self, count: int) -> None:
        """So many bytes more."""
        before, self._done = self._done, self._done + count
        if before >> 20 != self._done >> 20 or self._done >= self._total:
            self._report(self._what, -(-self._done >> 20), max(-(-self._total >> 20), -(-self._done >> 20)))
