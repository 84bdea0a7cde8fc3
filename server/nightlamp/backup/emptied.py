"""The data folder a restoration fills: emptied first, and marked until the end.

The mark (`restore.incomplete`) says how far it went. While it says `moving`, something that was there before may still
stand in the folder: nothing is deleted, a second run goes on moving. Once it says `filling`, all that stands there is
ours, and a second run takes it away and begins anew.
"""

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from nightlamp.backup.copying import sync_folder
from nightlamp.backup.manifest import BackupError
from nightlamp.backup.source import in_use
from nightlamp.identity.data_folder import INCOMPLETE
from nightlamp.identity.keys import replace_file

#: What may stand in an empty folder: a new file system makes the one, who asks whether a server runs the other.
_NOTHING = {"lost+found", "lock"}
_ASIDE = "before-restore-"
_MOUNT_POINT, _ESCAPED = 4, re.compile(r"\\(\d{3})")


class Mark(msgspec.Struct, frozen=True):
    """`restore.incomplete`: of which backup, under which new name of the journal, and how far."""

    phase: Literal["moving", "filling"]
    backup: str
    journal: str
    #: The folder in which everything is that was there; empty where nothing was.
    aside: str
    #: File systems of their own that were empty when it began: what is in them now is ours.
    mounts: list[str]


@dataclass(frozen=True, slots=True)
class Emptied:
    """A folder to be filled, and the name its journal gets: of a second run the same as of the first."""

    journal: str
    moved_aside: Path | None


@contextmanager
def emptied(folder: Path, backup: str, replace: bool) -> Iterator[Emptied]:
    """The folder empty and marked as unfinished; the mark goes when everything has worked."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with in_use(folder) as running:
        if running:
            raise BackupError(f"{folder} is in use by a server, or by a backup of it: stop it first")
        for left in folder.glob(f".{INCOMPLETE}.*"):
            left.unlink()  # a mark that was not written to its end
        mark = _read(folder) or _begun(folder, backup, replace)
        if mark.phase == "moving":
            _move(folder, mark)
        else:
            _clear(folder, mark)
        journal = mark.journal if mark.backup == backup else secrets.token_hex(8)
        filling = msgspec.structs.replace(mark, phase="filling", backup=backup, journal=journal)
        _write(folder, filling)
        yield Emptied(journal, folder / mark.aside if mark.aside else None)
        (folder / INCOMPLETE).unlink()
        sync_folder(folder)


def _begun(folder: Path, backup: str, replace: bool) -> Mark:
    """The first mark. Nothing was touched where this raises."""
    there = _entries(folder)
    _refuse_mounts(there, [])
    mounts = [path.name for path in folder.iterdir() if path not in there and path.name not in _NOTHING]
    if there and not replace:
        raise BackupError(f"{folder} is not empty; --replace moves what is in it aside")
    aside = f"{_ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}" if there else ""
    if aside and (folder / aside).exists():
        raise BackupError(f"{folder / aside} exists already: one restoration a second")
    mark = Mark("moving", backup, secrets.token_hex(8), aside, mounts)
    _write(folder, mark)
    return mark


def _read(folder: Path) -> Mark | None:
    path = folder / INCOMPLETE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Mark)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        raise BackupError(
            f"{path} is of another nightlamp: what stands in the folder may be from before. Move it away by hand"
        ) from None


def _write(folder: Path, mark: Mark) -> None:
    replace_file(folder / INCOMPLETE, msgspec.json.encode(mark) + b"\n")
    sync_folder(folder)


def _move(folder: Path, mark: Mark) -> None:
    """Everything that was there goes aside; on disk when this returns."""
    there = [path for path in _entries(folder) if path.name != mark.aside]
    _refuse_mounts(there, [])
    if not mark.aside:
        if there:
            raise BackupError(f"{there[0]} came after the restoration was begun: move it away")
        return
    aside = folder / mark.aside
    aside.mkdir(mode=0o700, exist_ok=True)
    for path in there:
        path.rename(aside / path.name)
    sync_folder(aside)
    sync_folder(folder)


def _clear(folder: Path, mark: Mark) -> None:
    """What an unfinished restoration has made goes; what was there before it stays."""
    there = [path for path in _entries(folder) if not path.name.startswith(_ASIDE)]
    _refuse_mounts(there, mark.mounts)
    for path in there:
        _remove(path)


def _entries(folder: Path) -> list[Path]:
    """What stands in the folder, but for the mark and for empty file systems."""
    return [path for path in sorted(folder.iterdir()) if path.name not in {INCOMPLETE, *_NOTHING} and not _bare(path)]


def _refuse_mounts(paths: list[Path], ours: list[str]) -> None:
    """A file system cannot be moved into a folder."""
    for path in paths:
        if _mounted(path) and path.name not in ours:
            raise BackupError(
                f"{path} is a file system of its own and not empty: nothing in it was touched. Move its contents away"
            )


def _bare(path: Path) -> bool:
    """A file system of its own, with nothing in it: journal/ may be one."""
    return path.is_dir() and _mounted(path) and all(one.name in _NOTHING for one in path.iterdir())


def _mounted(path: Path) -> bool:
    """Whether another file system begins here, or the same one once more (a bind mount)."""
    if path.is_symlink():
        return False
    return path.is_mount() or path.lstat().st_dev != path.parent.stat().st_dev or str(path) in _mount_points()


def _mount_points() -> set[str]:
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return set()
    return {_ESCAPED.sub(lambda found: chr(int(found[1], 8)), line.split(" ")[_MOUNT_POINT]) for line in lines}


def _remove(path: Path) -> None:
    if path.is_dir() and _mounted(path):
        for one in path.iterdir():
            if one.name not in _NOTHING:
                _remove(one)
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
