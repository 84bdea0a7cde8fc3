"""API keys: `nl_<id>_<secret>`, shown once, at rest only as SHA-256 in `<data>/keys.json` (0600, replaced atomically).

A secret has 256 random bits, so one round of a cryptographic hash is enough and a password hash would only cost time
on every request. The whole text of the key is what is hashed: it is the bearer token of HTTP and the password of MQTT
alike (the user name is the id). A change of the file, by the command line or by hand, takes effect within a second.
"""

import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from .roles import MQTT_SOURCES, PERMISSIONS, SOURCES, Permission, Principal, Role

KEY_BYTES_MAX = 128
_KEY = re.compile(r"nl_([a-z2-7]{8})_([a-z2-7]{52})")
_NO_HASH = hashlib.sha256(b"no such key").hexdigest()


class KeyFileError(Exception):
    """keys.json cannot be read; the text says where."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key as it stands at rest. Times are ISO 8601 UTC."""

    id: str
    sha256: str
    role: Role
    sources: tuple[str, ...]
    units: tuple[str, ...] | None
    note: str
    created_at: str
    revoked_at: str | None = None
    last_used_day: str | None = None

    @property
    def principal(self) -> Principal:
        """What a valid request with this key may do."""
        units = frozenset(self.units) if self.units is not None else None
        return Principal(self.id, self.role, frozenset(self.sources), units)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    keys: list[Key]


class KeyFile:
    """The keys of one data folder.

    Reads are lock-free; changes go through a lock file, so CLI and server may both write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._by_id: dict[str, Key] = {}
        #: SHA-256 of the texts of valid keys that were shown since the file was read: at most one a key.
        self._shown: dict[bytes, Principal] = {}
        self._used: dict[str, str] = {}
        self._guard = threading.Lock()
        self.refresh()

    def refresh(self) -> bool:
        """Read the file again if it changed; True if it did.

        Raises `KeyFileError` and keeps the old keys if it is damaged.
        """
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            changed, self._by_id, self._shown, self._stamp = bool(self._by_id), {}, {}, None
            return changed
        stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if stamp == self._stamp:
            return False
        keys = self._read()
        with self._guard:
            self._by_id, self._shown, self._stamp = {key.id: key for key in keys}, {}, stamp
        return True

    def _read(self) -> list[Key]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_File).keys
        except FileNotFoundError:
            return []
        except msgspec.MsgspecError as error:
            raise KeyFileError(f"{self._path}: {error}") from None

    def authenticate(self, text: str) -> Principal | None:
        """The principal of a key's text, or None. A wrong one takes the same time whether its id exists or not."""
        digest = hashlib.sha256(text[: KEY_BYTES_MAX + 1].encode(errors="replace"))
        shown_before = self._shown
        if (known := shown_before.get(digest.digest())) is not None:
            return known
        match = _KEY.fullmatch(text) if len(text) <= KEY_BYTES_MAX else None
        key = self._by_id.get(match[1]) if match else None
        if (
            not hmac.compare_digest(digest.hexdigest(), key.sha256 if key else _NO_HASH)
            or key is None
            or key.revoked_at
        ):
            return None
        self._used.setdefault(key.id, key.last_used_day or "")
        # Into the table of the file this key was found in: one that was read meanwhile has a table of its own.
        return shown_before.setdefault(digest.digest(), key.principal)

    def of(self, key_id: str) -> Principal | None:
        """What the key of this id may do now; None where there is none or it was revoked."""
        key = self._by_id.get(key_id)
        return key.principal if key is not None and key.revoked_at is None else None

    def create(
        self, role: Role, sources: Iterable[str] = (), units: Iterable[str] | None = None, note: str = ""
    ) -> tuple[Key, str]:
        """Make a key; returns it and its text, which nobody can show again.

        `units` bind what a key may read and, at the MQTT doors, what it may publish for; an HTTP body names its units
        only inside, so a key that is bound to units cannot be for an HTTP door. Raises ValueError for that, and for a
        source that does not exist.
        """
        named = tuple(sources)
        if not named and Permission.INGEST in PERMISSIONS[role]:
            named = SOURCES if units is None else MQTT_SOURCES
        if unknown := set(named) - set(SOURCES):
            raise ValueError(f"unknown source {sorted(unknown)[0]}; sources are {', '.join(SOURCES)}")
        if units is not None and set(named) - set(MQTT_SOURCES):
            raise ValueError(f"a key that is bound to units can only use {' and '.join(MQTT_SOURCES)}")
        key_id = base64.b32encode(secrets.token_bytes(5)).decode().lower()
        secret = base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=").lower()
        text = f"nl_{key_id}_{secret}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        units_named = tuple(units) if units is not None else None
        key = Key(key_id, digest, role, named, units_named, note, _now())
        with self._change() as keys:
            keys.append(key)
        return key, text

    def revoke(self, key_id: str) -> bool:
        """Revoke a key; False if there is none with this id. It stays listed."""
        found = False
        with self._change() as keys:
            for index, key in enumerate(keys):
                if key.id == key_id:
                    found = True
                    keys[index] = replace(key, revoked_at=key.revoked_at or _now())
        return found

    def all(self) -> list[Key]:
        """Every key, revoked ones too, in order of creation."""
        return list(self._by_id.values())

    def note_use(self) -> None:
        """Write the day of last use for keys used since; at most one write a key and day."""
        today = _now()[:10]
        due = [key_id for key_id, day in list(self._used.items()) if day != today]
        if not due:
            return
        with self._change() as keys:
            for index, key in enumerate(keys):
                if key.id in due:
                    keys[index] = replace(key, last_used_day=today)
        self._used.update(dict.fromkeys(due, today))

    def mqtt_credentials(self) -> bytes:
        """What `Engine.set_credentials` takes: id, hash and units of every key that may publish by MQTT."""
        allowed = [
            {"id": key.id, "hash": f"sha256:{key.sha256}", "units": list(key.units) if key.units is not None else ["*"]}
            for key in self._by_id.values()
            if key.revoked_at is None and set(MQTT_SOURCES) & set(key.sources)
        ]
        return json.dumps(allowed).encode()

    @contextlib.contextmanager
    def _change(self) -> Iterator[list[Key]]:
        """The keys as they stand on disk, to be changed in place; written back atomically."""
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = self._read()
            yield keys
            replace_file(self._path, msgspec.json.format(msgspec.json.encode(_File(1, keys)), indent=1))
        finally:
            os.close(lock)
        self.refresh()


def replace_file(path: Path, content: bytes) -> None:
    """Write 0600 beside `path`, flush to disk, rename over it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    beside.rename(path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def site_key(path: Path) -> bytes:
    """The site's 32 secret bytes that pseudonyms are keyed with; made (0600) at the first start and never changed."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(32)
        replace_file(path, key)
    if len(key) != 32:
        raise KeyFileError(f"{path}: expected 32 bytes, found {len(key)}")
    return key
