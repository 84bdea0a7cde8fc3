"""The data folder a backup is made of: which of its files matter, held open so that nothing can take them away.

Segments that retention removes and snapshots that are thinned while we copy stay readable through the open files; the
kernel frees them when we end, however we end. Of what stands in a data folder everything is either copied or listed in
`PASSED_OVER` with the reason; a file unknown to both is named in the backup's warnings.
"""

import contextlib
import fcntl
import os
import re
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from nightlamp._core import journal_extent
from nightlamp.backup.manifest import BackupError

SEGMENT, SNAPSHOT = re.compile(r"\d{20}\.journal"), re.compile(r"(\d{20})\.snapshot")
#: What a backup leaves in the data folder, and why.
PASSED_OVER = {
    "lock": "who uses the folder now",
    "keys.lock": "who changes the keys now",
    "server.json": "where the server listens now",
    "store.spool*": "batches on their way to PostgreSQL; the journal makes them again",
    "log": "what was logged",
    "server.log": "what was logged",
    "postgresql": "the private PostgreSQL; its tables are copied as rows",
    "redis": "the private Redis keeps nothing",
    "run": "sockets",
    "lost+found": "of the file system",
    "restored": "what an earlier restoration brought; models come from models.dir",
}
COPIED = {"journal", "journal.id", "keys.json", "snapshots", "site.key"}
#: In journal/: who has it open, and the mark, which the backup writes for its own last frame.
_NOT_OF_JOURNAL = {"LOCK", "durable.mark"}
_MARK_S_MAX = 5.0


@contextmanager
def in_use(folder: Path) -> Iterator[bool]:
    """Whether a server runs on this folder. If none does, none can start until this ends."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield True
        else:
            yield False
    finally:
        os.close(handle)


class Held:
    """The files of one data folder, open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.segments: dict[str, int] = {}
        self.snapshots: dict[str, int] = {}
        #: Small files of journal/, as they were before its end was read: they speak of no frame behind it.
        self.lists: dict[str, bytes] = {}
        self.taken: tuple[int, list[tuple[str, int]]] = (0, [])

    def hold(self, lists: bool = True) -> None:
        """Open what is there and not yet open; segments first, so that the newest snapshot covers what they lack."""
        journal, snapshots = self.folder / "journal", self.folder / "snapshots"
        for path in sorted(journal.iterdir()):
            if SEGMENT.fullmatch(path.name):
                self._open(self.segments, path.name, path)
            elif lists and path.name not in _NOT_OF_JOURNAL and path.suffix != ".tmp" and path.is_file():
                with contextlib.suppress(FileNotFoundError):
                    self.lists[path.name] = path.read_bytes()
        for path in sorted(snapshots.iterdir()) if snapshots.is_dir() else []:
            if SNAPSHOT.fullmatch(path.name):
                self._open(self.snapshots, path.name, path)

    def _open(self, into: dict[str, int], name: str, path: Path) -> None:
        if name in into:
            return
        with contextlib.suppress(FileNotFoundError):  # retention was here first
            into[name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def take(self, running: bool) -> None:
        """Fix how far the journal is copied: `taken` is its durable end, and (name, bytes) of every segment up to it.

        Raises `BackupError`: of a running server, when its mark cannot be read for 5 s.
        """
        self.hold()
        until = time.monotonic() + _MARK_S_MAX
        while (found := self._extent(running)) is None:
            if time.monotonic() > until:
                raise BackupError(f"{self.folder}/journal: its durable end cannot be read; is the server still alive?")
            time.sleep(0.05)
        last_seq, named = found
        self.hold(lists=False)
        sizes = dict(named)
        for name, handle in self.segments.items():
            if name < min(sizes, default=""):
                sizes[name] = os.fstat(handle).st_size  # removed by retention meanwhile; it was finished
        if missing := sizes.keys() - self.segments.keys():
            raise BackupError(f"journal/{min(missing)} was removed before it could be opened: try again")
        self.taken = last_seq, sorted(sizes.items())

    def _extent(self, running: bool) -> tuple[int, list[tuple[str, int]]] | None:
        try:
            return journal_extent(str(self.folder / "journal"), running)
        except RuntimeError as error:
            raise BackupError(str(error)) from None

    def unknown(self) -> list[str]:
        """Entries of the data folder that are neither copied nor known not to matter."""
        names = sorted(path.name for path in self.folder.iterdir() if not path.name.startswith("."))
        known = [*COPIED, *PASSED_OVER]
        return [name for name in names if not any(fnmatchcase(name, one) for one in known)]

    def close(self) -> None:
        """Let go."""
        for handle in [*self.segments.values(), *self.snapshots.values()]:
            os.close(handle)
        self.segments.clear()
        self.snapshots.clear()


@contextmanager
def held(folder: Path) -> Iterator[Held]:
    """The files of a data folder, held until the end. Raises `BackupError` where it is none."""
    if not (folder / "journal.id").is_file() or not (folder / "journal").is_dir():
        raise BackupError(f"{folder}: no data folder of a server (data_dir); it has no journal")
    _allow_many_files()
    found = Held(folder)
    try:
        found.hold()
        yield found
    except PermissionError as error:
        raise BackupError(f"{error.filename}: {error.strerror}; run as the user the server runs as") from None
    finally:
        found.close()


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
