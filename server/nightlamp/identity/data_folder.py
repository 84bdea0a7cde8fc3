"""The data folder: private to its owner, used by one server at a time, and knowing its own journal.

lock  journal.id  keys.json  server.json  sessions.json  site.key  store.spool*  journal/  snapshots/  log/  postgresql/
redis/  run/
restored/ (what a restoration brought: models, settings, lineage)  restore.incomplete (while one is under way)
"""

import asyncio
import fcntl
import json
import os
import secrets
import time
from pathlib import Path

from .keys import replace_file, site_key

#: There while a restoration fills the folder (nightlamp/backup/restore.py).
INCOMPLETE = "restore.incomplete"
#: Folders that have something in them only once a journal was there.
SIGNS = ("snapshots", "restored", "postgresql", "redis")
_LOOK_S = 0.2


class DataFolderError(Exception):
    """The folder cannot be used; the text says why."""


def _any(folder: Path) -> bool:
    """Whether it is there with something in it; what a file system brings along does not count."""
    return folder.is_dir() and any(one.name != "lost+found" for one in folder.iterdir())


class FolderInUse(DataFolderError):
    """Somebody else has it: it may end by itself. The exit code is EX_TEMPFAIL of sysexits.h."""

    code = 75


class DataFolder:
    """One data folder, made where absent."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DataFolderError(f"{self.path}: {error.strerror}") from None

    def lock(self) -> None:
        """Take the folder for this process until it ends. Raises `DataFolderError` when another server has it."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise FolderInUse(
                f"{self.path} is in use by another nightlamp server, or by a backup, verify or restore of it"
            ) from None
        if (self.path / INCOMPLETE).exists():
            os.close(handle)
            raise DataFolderError(
                f"a restoration was begun in {self.path} and has not ended: run `nightlamp restore` again"
            )
        self._lock = handle

    async def lock_within(self, wait_s: float) -> None:
        """As `lock`, waiting for whoever has it: a backup of a stopped server, or a server that is still draining."""
        until = time.monotonic() + wait_s
        while True:
            try:
                return self.lock()
            except FolderInUse:
                if time.monotonic() >= until:
                    raise
            await asyncio.sleep(_LOOK_S)

    @property
    def keys(self) -> Path:
        """API keys."""
        return self.path / "keys.json"

    @property
    def spool(self) -> Path:
        """Batches that wait for PostgreSQL."""
        return self.path / "store.spool"

    @property
    def sessions(self) -> Path:
        """Console sessions, by hash."""
        return self.path / "sessions.json"

    @property
    def server(self) -> Path:
        """Where the running server listens."""
        return self.path / "server.json"

    def site_key(self) -> bytes:
        """The site's secret."""
        return site_key(self.path / "site.key")

    def journal_id(self) -> str:
        """The name of this folder's journal.

        Another journal, another name, so that cursors of one never count in the other. Raises `DataFolderError` where
        the journal is gone and the folder was used: a mount that is missing must not cost the folder its name.
        """
        path = self.path / "journal.id"
        if path.exists() and not _any(self.path / "journal") and (sign := next(filter(self._has, SIGNS), None)):
            raise DataFolderError(
                f"{self.path}/journal is empty though this data folder was used (there is {sign}): is its file system "
                "mounted? Where the journal is lost, restore a backup into a new folder and a new database, or begin "
                "anew with an empty data_dir and an empty database; see the table of losses in docs/operations.md"
            )
        if not path.exists() or not _any(self.path / "journal"):
            replace_file(path, secrets.token_hex(8).encode())
        return path.read_text().strip()

    def _has(self, sign: str) -> bool:
        return _any(self.path / sign)

    def announce(self, http_url: str, mqtt_port: int | None) -> None:
        """Write down where the server listens, for the command line and for whoever started it with port 0."""
        where = {"pid": os.getpid(), "http_url": http_url, "mqtt_port": mqtt_port}
        replace_file(self.server, json.dumps(where).encode())

    def withdraw(self) -> None:
        """The server no longer listens."""
        self.server.unlink(missing_ok=True)
