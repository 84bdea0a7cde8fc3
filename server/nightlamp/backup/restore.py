"""`nightlamp restore`: a data folder and a database out of a backup.

Until the last step the folder holds `restore.incomplete`, with which no server starts; interrupted, the same command
begins anew (nightlamp/backup/emptied.py). The database is filled in one transaction: it holds everything, or nothing.
Nothing that was there is overwritten: a folder must be empty (or its contents are moved aside), a database must be
empty or filled by an earlier run of this restoration.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from nightlamp import bundles
from nightlamp._core import journal_extent, snapshot_reads
from nightlamp.backup import check, tables
from nightlamp.backup.copying import Meter, Report, Target, full_disk, sha256_of, silent
from nightlamp.backup.database import connected
from nightlamp.backup.emptied import emptied
from nightlamp.backup.lineage import PLACE, Lineage, journal_of
from nightlamp.backup.manifest import BackupError, Manifest, Store
from nightlamp.backup.source import in_use
from nightlamp.settings import ConfigurationError, Settings
from nightlamp.store import MigrationError
from nightlamp.store import migrate as schema


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
    manifest, problems = check.verify(wanted.backup, wanted.report, to_begin=not wanted.tables_only)
    if problems:
        raise BackupError(f"the backup is damaged, nothing was restored: {problems[0]}")
    if wanted.tables_only:
        return await _restore_tables(wanted, manifest)
    site_key = _site_key(wanted, manifest)
    folder = wanted.settings.data_dir.resolve()
    try:
        with emptied(folder, manifest.id, wanted.replace) as empty:
            _restore_files(wanted, manifest, folder, site_key, empty.journal)
            async with connected(wanted.settings, folder, running=False, make=True) as connection:
                await fill(connection, wanted.backup, manifest.store, empty.journal, wanted.report)
    except OSError as error:
        raise full_disk(error, folder) from error
    return Restored(folder, manifest, empty.moved_aside, _notes(wanted, manifest))


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
            raise BackupError(f"{folder} is in use by a server, or by a backup of it: stop it first")
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
    if not await _already(connection, store, journal):
        await schema.migrate(connection, through=store.migrations[-1].version)
        await _load(connection, backup, store, journal, report)
    await schema.migrate(connection)
    await connection.execute("ANALYZE")


async def _load(connection: Any, backup: Path, store: Store, journal: str, report: Report) -> None:
    """Rows and cursor, in one transaction."""
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
    """Whether an earlier run for the same journal has filled it. Raises BackupError where it holds anything else: the
    same rows under another journal's name too, for they are a running server's."""
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
    if (cursor["journal"], cursor["seq"]) == (journal, store.cursor) and all(
        table.name in shapes for table in store.tables
    ):
        for table in store.tables:
            found = await tables.digest_of(connection, shapes[table.name], table.columns, None)
            if found != (table.rows, table.digest):
                break
        else:
            return True
    raise BackupError(
        f"the database is not empty (cursor {cursor['seq']}): nothing in it was touched. Name an empty one (createdb) "
        "in database.url; the old one stays as it is, to be read"
    )


_ANY = "SELECT EXISTS (SELECT FROM {})"
_NO_POLICY = hashlib.sha256(b"").hexdigest()


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
    return notes + _policy_note(wanted, manifest)


def _policy_note(wanted: Wanted, manifest: Manifest) -> list[str]:
    """Whether alerts would follow other rules than then."""
    then = {file.path: file.sha256 for file in manifest.files}.get("settings/policy.toml", _NO_POLICY)
    try:
        now = hashlib.sha256(bundles.policy(wanted.settings).encode()).hexdigest()
    except ConfigurationError as error:
        return [str(error)]
    if now == then:
        return []
    if then == _NO_POLICY:
        return ["the alert policy is another one: then nightlamp's own held, now policy_file names one"]
    where = wanted.settings.data_dir.resolve() / "restored/settings/policy.toml"
    return [f"the alert policy is another one than then: compare policy_file with {where}"]
