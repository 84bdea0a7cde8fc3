"""`nightlamp restore`: a data folder and a database out of a backup.

Until the last step the folder holds `restore.incomplete`, with which no server starts; interrupted, the same command
begins anew. The database is filled in one transaction: it holds everything, or nothing. Nothing that was there is
overwritten: a folder must be empty (or its contents are moved aside), a database must be empty or hold exactly this.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from nightlamp import bundles
from nightlamp._core import journal_extent, snapshot_reads
from nightlamp.backup import check, tables
from nightlamp.backup.copying import Meter, Report, Target, full_disk, sha256_of, silent, sync_folder
from nightlamp.backup.database import connected
from nightlamp.backup.lineage import PLACE, Lineage, journal_of
from nightlamp.backup.manifest import BackupError, Manifest, Store
from nightlamp.backup.source import in_use
from nightlamp.identity.data_folder import INCOMPLETE
from nightlamp.settings import Settings
from nightlamp.store import MigrationError
from nightlamp.store import migrate as schema

#: What may stand in an empty folder: a new file system makes the one, who asks whether a server runs the other.
_NOTHING = {"lost+found", "lock"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to restore, and where to: data folder and database of the settings."""

    backup: Path
    settings: Settings
    replace: bool = False
    tables_only: bool = False
    site_key: Path | None = None
    report: Report = silent


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. `notes` is what a person must know before starting the server."""

    folder: Path
    manifest: Manifest
    moved_aside: Path | None
    notes: list[str]


async def restore(wanted: Wanted) -> Restored:
    """Restores. Raises BackupError, MigrationError or EmbeddedError; a second call then begins anew."""
    manifest, problems = check.verify(wanted.backup, wanted.report)
    if problems:
        raise BackupError(f"the backup is damaged, nothing was restored: {problems[0]}")
    if wanted.tables_only:
        return await _restore_tables(wanted, manifest)
    site_key = _site_key(wanted, manifest)
    folder = wanted.settings.data_dir.resolve()
    try:
        with _emptied(folder, wanted.replace) as moved_aside:
            journal = secrets.token_hex(8)
            _restore_files(wanted, manifest, folder, site_key, journal)
            async with connected(wanted.settings, folder, running=False, make=True) as connection:
                await fill(connection, wanted.backup, manifest.store, journal, wanted.report)
    except OSError as error:
        raise full_disk(error, folder) from error
    return Restored(folder, manifest, moved_aside, _notes(wanted, manifest))


async def _restore_tables(wanted: Wanted, manifest: Manifest) -> Restored:
    """Only the database, beside a data folder that is whole: it goes on from the backup's cursor."""
    folder = wanted.settings.data_dir.resolve()
    if not (folder / "journal.id").is_file():
        raise BackupError(f"{folder}: no data folder of a server (data_dir)")
    lineage = journal_of(folder)
    if manifest.journal.id not in {lineage.journal, lineage.before}:
        raise BackupError(f"{folder} has another journal than the backup: its rows do not belong together")
    with in_use(folder) as running:
        if running:
            raise BackupError(f"a server runs on {folder}: stop it first")
        _go_on(wanted, manifest, folder)
        async with connected(wanted.settings, folder, running=False, make=True) as connection:
            await fill(connection, wanted.backup, manifest.store, lineage.journal, wanted.report)
    return Restored(folder, manifest, None, _notes(wanted, manifest))


def _go_on(wanted: Wanted, manifest: Manifest, folder: Path) -> None:
    """Whether the surviving journal goes on where the backup's rows end; a snapshot it lacks for that is copied."""
    cursor, snapshots = manifest.store.cursor, folder / "snapshots"
    try:
        extent = journal_extent(str(folder / "journal"), written_to=False)
    except RuntimeError as error:
        raise BackupError(str(error)) from None
    last_seq, segments = extent or (0, [])
    first_seq = int(segments[0][0][:20]) if segments else last_seq + 1
    if last_seq < cursor:
        raise BackupError(f"the journal ends with frame {last_seq}, the backup's rows with {cursor}: restore it wholly")
    seqs = [int(path.name[:20]) for path in snapshots.glob("*.snapshot")] if snapshots.is_dir() else []
    if first_seq <= 1 or any(first_seq - 1 <= seq <= cursor and snapshot_reads(str(snapshots), seq) for seq in seqs):
        return
    usable = [seq for seq in manifest.journal.begins if first_seq - 1 <= seq]
    if not usable:
        raise BackupError(
            f"the journal begins at frame {first_seq} and the backup's rows end with {cursor}: what came between is in "
            "neither, so the server could not go on. Restore the backup wholly"
        )
    name = f"snapshots/{usable[-1]:020}.snapshot"
    Target(folder).put(name, (wanted.backup / name).read_bytes())


def _site_key(wanted: Wanted, manifest: Manifest) -> bytes:
    """The secret the journal's pseudonyms are keyed with: no other one will do."""
    path = wanted.site_key or (wanted.backup / "secrets/site.key" if manifest.secrets else None)
    if path is None:
        raise BackupError(
            "the backup was made without secrets: name the site key with --site-key. Without it the journal would give "
            "other pseudonyms than the tables hold, and every patient would be a stranger"
        )
    try:
        if sha256_of(path) != manifest.site_key_sha256:
            raise BackupError(f"{path}: another site key than the backup's journal was pseudonymised with")
        return path.read_bytes()
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}") from None


@contextmanager
def _emptied(folder: Path, replace: bool) -> Iterator[Path | None]:
    """The folder empty and marked as unfinished; the mark goes when everything has worked."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with in_use(folder) as running:
        if running:
            raise BackupError(f"a server runs on {folder}: stop it first")
        mark, aside = folder / INCOMPLETE, None
        there = [path for path in folder.iterdir() if path.name not in _NOTHING and not _empty_mount(path)]
        if mark.exists():  # our own half: begun, never finished
            for path in there:
                if path != mark and not path.name.startswith("before-restore-"):
                    _remove(path)
        elif there and not replace:
            raise BackupError(f"{folder} is not empty; --replace moves what is in it aside")
        mark.write_text("a restoration was begun here and has not ended; run it again\n")
        sync_folder(folder)
        if there and mark not in there:
            aside = folder / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            aside.mkdir(mode=0o700)
            for path in there:
                path.rename(aside / path.name)
        yield aside
        mark.unlink()
        sync_folder(folder)


def _empty_mount(path: Path) -> bool:
    """A file system of its own, with nothing in it: journal/ may be one."""
    return path.is_mount() and all(one.name in _NOTHING for one in path.iterdir())


def _remove(path: Path) -> None:
    """What an unfinished restoration has made."""
    if path.is_mount():
        for one in path.iterdir():
            if one.name not in _NOTHING:
                _remove(one)
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _restore_files(wanted: Wanted, manifest: Manifest, folder: Path, site_key: bytes, journal: str) -> None:
    target = Target(folder)
    meter = Meter("files, MiB", sum(file.bytes for file in manifest.files), wanted.report)
    for file in manifest.files:
        part, _, rest = file.path.partition("/")
        place = {
            "journal": file.path,
            "snapshots": file.path,
            "models": f"restored/{file.path}",
            "settings": f"restored/{file.path}",
            "secrets": {"site.key": "", "keys.json": "keys.json"}.get(rest, f"restored/settings/{rest}"),
        }.get(part, "")
        if not place:
            continue
        source = os.open(wanted.backup / file.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            target.copy(place, source, file.bytes, done=meter)
        finally:
            os.close(source)
    if wrong := [file.path for file in target.files if file.sha256 not in _sums(manifest)]:
        raise BackupError(f"{wrong[0]} changed while it was restored")
    target.put("site.key", site_key)
    target.put("journal.id", journal.encode())
    lineage = Lineage(journal, manifest.journal.id, manifest.id, datetime.now(UTC).isoformat(timespec="seconds"))
    target.put(PLACE, msgspec.json.encode(lineage))
    target.sync()


def _sums(manifest: Manifest) -> set[str]:
    return {file.sha256 for file in manifest.files}


async def fill(connection: Any, backup: Path, store: Store, journal: str, report: Report = silent) -> None:
    """Schema as it was, rows and cursor in one transaction, then the migrations that came since.

    Raises BackupError where the database holds anything else, MigrationError where the schema is not known.
    """
    _known(store)
    if await _already(connection, store, journal):
        return
    await schema.migrate(connection, through=store.migrations[-1].version)
    meter = Meter("tables, MiB", sum(table.bytes for table in store.tables), report)
    async with connection.transaction():
        shapes, _ = await tables.shapes(connection)
        order = {shape.name: place for place, shape in enumerate(shapes)}
        if missing := [table.name for table in store.tables if table.name not in order]:
            raise BackupError(f"the schema has no table {missing[0]}")
        names = ", ".join(tables.quoted(table.name) for table in store.tables)
        await connection.execute(f"TRUNCATE {names}")
        if not await connection.fetchval("SELECT is_timescale()"):
            for name, starts in store.partitions.items():
                for start in starts:
                    await connection.fetchval("SELECT make_partition($1, $2)", name, datetime.fromisoformat(start))
        for table in sorted(store.tables, key=lambda table: order[table.name]):
            await tables.load(connection, table, backup / f"tables/{table.name}.copy", meter)
        for name, value in store.sequences.items():
            await connection.fetchval("SELECT setval($1::regclass, $2)", tables.quoted(name), value)
        moved_at = datetime.fromisoformat(store.moved_at)
        await connection.execute(
            "UPDATE store_cursor SET seq = $1, journal = $2, moved_at = $3", store.cursor, journal, moved_at
        )
    await schema.migrate(connection)
    await connection.execute("ANALYZE")


def _known(store: Store) -> None:
    """Refuses a schema this nightlamp cannot make."""
    ours = {one.version: one.sha256 for one in schema.migrations()}
    for one in store.migrations:
        if ours.get(one.version) != one.sha256:
            raise MigrationError(
                f"the backup's schema has migration {one.name}, which this nightlamp has not, or another one: restore "
                "with the nightlamp that made the backup, or a later one"
            )


async def _already(connection: Any, store: Store, journal: str) -> bool:
    """Whether the database holds exactly this already. Raises BackupError where it holds anything else."""
    if await connection.fetchval("SELECT to_regclass('store_cursor') IS NULL"):
        return False
    states = await schema.status(connection)
    applied = [one.version for one in states if one.state == "applied"]
    cursor = await connection.fetchrow("SELECT seq, journal FROM store_cursor")
    shapes = {shape.name: shape for shape in (await tables.shapes(connection))[0]}
    if cursor["seq"] == 0 and applied == [one.version for one in store.migrations]:
        counted = [name for name in shapes if name not in {"signals", "models"}]
        filled = [name for name in counted if await connection.fetchval(_ANY.format(tables.quoted(name)))]
        if not filled:
            return False
    if cursor["seq"] == store.cursor and all(table.name in shapes for table in store.tables):
        for table in store.tables:
            found = await tables.digest_of(connection, shapes[table.name], table.columns, None)
            if found != (table.rows, table.digest):
                break
        else:
            await connection.execute("UPDATE store_cursor SET journal = $1", journal)
            return True
    raise BackupError(
        f"the database is not empty (cursor {cursor['seq']}): nothing in it was touched. Name an empty one (createdb) "
        "in database.url; the old one stays as it is, to be read"
    )


_ANY = "SELECT EXISTS (SELECT FROM {})"


def _notes(wanted: Wanted, manifest: Manifest) -> list[str]:
    """What a person must know before the start."""
    notes = [f"not in the backup: {one}" for one in manifest.left_out] + [
        f"warning: {one}" for one in manifest.warnings
    ]
    here = {path.parent.name + "/" + path.name: path for path in bundles.bundles(wanted.settings.models)}
    for one in manifest.models:
        if not one.loaded:
            continue
        name = f"{one.name}/{one.version}"
        files = [file for file in manifest.files if file.path.startswith(f"models/{name}/")]
        if name not in here or any(
            not (path := here[name] / file.path.removeprefix(f"models/{name}/")).is_file()
            or sha256_of(path) != file.sha256
            for file in files
        ):
            where = wanted.settings.data_dir.resolve() / "restored/models"
            notes.append(
                f"the model {name} scored then and is not what models.dir would load: set models.dir to {where}"
            )
    return notes
