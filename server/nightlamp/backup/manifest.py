"""What a backup says of itself: `manifest.json`, and SHA256SUMS beside it."""

import hashlib
import re
from pathlib import Path

import msgspec

from nightlamp.identity.keys import replace_file

FORMAT = 1
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
#: Names of backups: the time they were begun, UTC.
NAME = re.compile(r"\d{8}T\d{6}Z")


class BackupError(Exception):
    """A backup that cannot be made, read or restored; the text says why and names the file."""


class File(msgspec.Struct, frozen=True):
    """One file, by its path in the backup."""

    path: str
    bytes: int
    sha256: str


class Damage(msgspec.Struct, frozen=True):
    """A place of the journal that could not be read when the backup was made: the original's own damage."""

    segment: str
    offset: int
    seq: int


class Journal(msgspec.Struct, frozen=True):
    """The journal: frames first_seq to last_seq. `begins` are snapshots a restart can go on from."""

    id: str
    first_seq: int
    last_seq: int
    frames: int
    begins: list[int]
    damage: list[Damage] = []


class Table(msgspec.Struct, frozen=True):
    """One table's rows, and a digest of them that does not depend on their order."""

    name: str
    columns: list[str]
    rows: int
    digest: str
    bytes: int


class Migration(msgspec.Struct, frozen=True):
    """One applied migration."""

    version: int
    name: str
    sha256: str


class Store(msgspec.Struct, frozen=True):
    """The database: its cursor, its schema, and which partitions its series had (start times)."""

    cursor: int
    moved_at: str
    flavour: str
    migrations: list[Migration]
    partitions: dict[str, list[str]]
    sequences: dict[str, int]
    tables: list[Table]


class Bundle(msgspec.Struct, frozen=True):
    """One model bundle."""

    name: str
    version: str
    loaded: bool


class Manifest(msgspec.Struct, frozen=True):
    """All of it."""

    format: int
    id: str
    nightlamp: str
    created_at: str
    server: str
    journal: Journal
    store: Store
    models: list[Bundle]
    #: SHA-256 of the site key, which is 32 random bytes: says whether a key is the right one, and nothing else.
    site_key_sha256: str
    secrets: bool
    left_out: list[str]
    warnings: list[str]
    files: list[File]

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)


def write(folder: Path, manifest: Manifest) -> None:
    """Write both files, readable by their owner only, on disk when this returns."""
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    replace_file(folder / MANIFEST, content)
    replace_file(folder / SUMS, _sums(content, manifest))


def _sums(content: bytes, manifest: Manifest) -> bytes:
    sums = [(file.path, file.sha256) for file in manifest.files] + [(MANIFEST, hashlib.sha256(content).hexdigest())]
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(sums)).encode()


def read(folder: Path) -> Manifest:
    """The manifest, held against SHA256SUMS, which must list the same files. Raises BackupError."""
    try:
        content, sums = (folder / MANIFEST).read_bytes(), (folder / SUMS).read_bytes()
    except OSError as error:
        raise BackupError(f"{folder}: no backup that can be read: {error.filename}: {error.strerror}") from None
    if f"{hashlib.sha256(content).hexdigest()}  {MANIFEST}\n".encode() not in sums:
        raise BackupError(f"{folder / MANIFEST}, or {SUMS} beside it, is damaged: the checksum differs")
    try:
        if msgspec.json.decode(content, type=dict[str, object]).get("format") != FORMAT:
            raise BackupError(f"{folder / MANIFEST} is of another format than {FORMAT}: use the nightlamp that made it")
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupError(f"{folder / MANIFEST}: {error}") from None
    if sums != _sums(content, manifest):
        raise BackupError(f"{folder / SUMS} is damaged: it says otherwise than {MANIFEST}")
    return manifest


def named(folder: Path) -> list[Path]:
    """The finished backups in a folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(one for one in folder.iterdir() if NAME.fullmatch(one.name) and (one / MANIFEST).is_file())


def chosen(path: Path) -> Path:
    """The backup meant: itself, or the newest in a folder of backups. Raises BackupError."""
    if (path / MANIFEST).exists():
        return path
    if found := named(path):
        return found[-1]
    raise BackupError(f"{path}: there is no backup")
