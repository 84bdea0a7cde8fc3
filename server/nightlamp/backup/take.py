"""Making a backup, in the order that keeps it consistent (see the package's page)."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nightlamp
from nightlamp import bundles
from nightlamp._core import journal_check, journal_mark, snapshot_reads
from nightlamp.backup import check, tables
from nightlamp.backup.copying import Meter, Report, Target, full_disk, silent, sync_folder
from nightlamp.backup.database import connected
from nightlamp.backup.manifest import (
    FORMAT,
    BackupError,
    Bundle,
    Damage,
    Journal,
    Manifest,
    Store,
    Table,
    named,
    read,
    write,
)
from nightlamp.backup.source import Held, held, in_use
from nightlamp.settings import Settings

_MODEL_FILE_BYTES_MAX = 1 << 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make: `config_file` and `rendered` are the settings as a file and as they are in effect, masked."""

    settings: Settings
    destination: Path
    config_file: Path | None = None
    rendered: str = ""
    secrets: bool = True
    full: bool = False
    verify: bool = True
    report: Report = silent


@dataclass(frozen=True, slots=True)
class Taken:
    """A finished backup."""

    path: Path
    manifest: Manifest
    linked_bytes: int
    tables_s: float
    took_s: float
    #: Why it cannot do what a backup is for, although it holds all there was.
    problems: list[str]


async def take(wanted: Wanted) -> Taken:
    """Makes a backup. Raises BackupError (nothing that looks like one is left) and EmbeddedError."""
    with _destination(wanted.destination) as root:
        try:
            return await _attempt(wanted, root)
        except check.LinkedDamaged:
            # A bit of the backup before it has rotted: this one must not share it.
            return await _attempt(replace(wanted, full=True), root)


@contextmanager
def _destination(path: Path) -> Iterator[Path]:
    """The folder of the backups, ours alone; what an interrupted backup left in it is removed."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise full_disk(error, path) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupError(f"{path}: another backup is being made there") from None
        for left in path.glob(".*.partial"):
            shutil.rmtree(left)
        yield path.resolve()
    finally:
        os.close(handle)


async def _attempt(wanted: Wanted, root: Path) -> Taken:
    began, begun_at = time.monotonic(), datetime.now(UTC)
    final = root / begun_at.strftime("%Y%m%dT%H%M%SZ")
    if final.exists():
        raise BackupError(f"{final} exists already: one backup a second")
    partial = root / f".{final.name}.partial"
    try:
        partial.mkdir(mode=0o700)
        manifest, target, tables_s = await _write(wanted, root, partial, begun_at)
        if wanted.verify:
            check.made(partial, manifest, target.linked, wanted.report)
        target.sync()
        partial.rename(final)
        sync_folder(root)
    except OSError as error:
        raise full_disk(error, root) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    took_s = time.monotonic() - began
    return Taken(final, manifest, sum(target.linked.values()), tables_s, took_s, _problems(manifest, root))


def _problems(manifest: Manifest, root: Path) -> list[str]:
    """No beginning, and frames that are missing since the backup before."""
    known = [
        place for one, _ in _of_journal(root, manifest.journal.id, but=manifest.id) for place in one.journal.damage
    ]
    holes = [place for place in manifest.journal.damage if place.offset == 0 and place not in known]
    return check.no_beginning(manifest.journal, manifest.store.cursor) + [
        f"journal/{place.segment}: the frames before it, from {place.seq} on, are missing" for place in holes
    ]


def _of_journal(root: Path, journal: str, but: str = "") -> list[tuple[Manifest, Path]]:
    """The readable backups of one journal; the one that reaches furthest last, whatever a clock said."""
    found = []
    for path in named(root):
        with contextlib.suppress(BackupError):
            found.append((read(path), path))
    ours = [(one, path) for one, path in found if one.journal.id == journal and one.id != but]
    return sorted(ours, key=lambda pair: (pair[0].journal.last_seq, pair[0].store.cursor, pair[1].name))


def prune(destination: Path, taken: Taken, keep: int) -> Iterator[Path]:
    """Removes all but so many of the newest backups of the same journal, never the one just taken. Yields what went.

    Each loses its name first: what has a name is whole. Raises BackupError.
    """
    with _destination(destination) as root:
        others = _of_journal(root, taken.manifest.journal.id, but=taken.manifest.id)
        for _, old in others[: max(len(others) - (keep - 1), 0)]:
            partial = root / f".{old.name}.partial"
            try:
                old.rename(partial)
                sync_folder(root)
                shutil.rmtree(partial)
            except OSError as error:
                raise full_disk(error, root) from None
            yield old


async def _write(wanted: Wanted, root: Path, partial: Path, begun_at: datetime) -> tuple[Manifest, Target, float]:
    folder = wanted.settings.data_dir.resolve()
    if not folder.is_dir():
        raise BackupError(f"{folder}: there is no such data folder (data_dir)")
    with in_use(folder) as running, held(folder) as source:
        journal_id = (folder / "journal.id").read_text().strip()
        target = _target(wanted, root, partial, journal_id)
        warnings = [f"{name}: not known, not copied" for name in source.unknown()]
        tables_began = time.monotonic()
        # The snapshot is taken by the first query in the transaction; the journal's end is read after it.
        async with (
            connected(wanted.settings, folder, running=running) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            store, not_ours = await _tables(connection, journal_id, target, source, running, wanted.report)
        tables_s = time.monotonic() - tables_began
        last_seq, segments = source.taken
        if store.cursor > last_seq:
            raise BackupError(f"the database holds frames up to {store.cursor}, the journal only up to {last_seq}")
        _copy_journal(source, segments, last_seq, target, wanted.report)
        journal = _described_journal(target, journal_id, segments, last_seq, store.cursor, wanted.report)
    warnings += [f"table {name}: not ours, not copied" for name in not_ours]
    models = _copy_models(wanted.settings, target)
    site_key = (folder / "site.key").read_bytes()
    left_out = _copy_settings(wanted, folder, site_key, target)
    warnings += _warnings(journal, store)
    manifest = Manifest(
        FORMAT,
        secrets.token_hex(8),
        nightlamp.__version__,
        begun_at.isoformat(timespec="seconds"),
        "running" if running else "stopped",
        journal,
        store,
        models,
        hashlib.sha256(site_key).hexdigest(),
        wanted.secrets,
        left_out,
        warnings,
        sorted(target.files, key=lambda file: file.path),
    )
    write(partial, manifest)
    return manifest, target, tables_s


def _target(wanted: Wanted, root: Path, partial: Path, journal_id: str) -> Target:
    """Where files go, with the newest backup of the same journal to share finished files with."""
    if wanted.full or not (found := _of_journal(root, journal_id)):
        return Target(partial)
    earlier, base = found[-1]
    return Target(partial, {file.path: file for file in earlier.files}, base)


async def _tables(
    connection: Any, journal_id: str, target: Target, source: Held, running: bool, report: Report
) -> tuple[Store, list[str]]:
    if await connection.fetchval("SELECT to_regclass('store_cursor') IS NULL"):
        raise BackupError("the database has no schema of nightlamp; was the server ever started on it?")
    cursor = await connection.fetchrow("SELECT seq, journal, moved_at FROM store_cursor")
    if cursor["journal"] not in {None, journal_id}:
        raise BackupError("the database holds the rows of another journal than the one in data_dir")
    source.take(running)
    shapes, not_ours = await tables.shapes(connection)
    found: list[Table] = []
    for shape in shapes:
        path = f"tables/{shape.name}.copy"

        def rows_done(rows: int, shape: tables.Shape = shape) -> None:
            report(f"{shape.name}, rows", rows, max(rows, shape.rows_about))

        table, sha256 = await tables.export(connection, shape, target.path(path), rows_done)
        report(f"{shape.name}, rows", table.rows, table.rows)
        target.made(path, table.bytes, sha256)
        found.append(table)
    store = await tables.described(connection, cursor["seq"], cursor["moved_at"].isoformat(), found)
    return store, not_ours


def _copy_journal(source: Held, segments: list[tuple[str, int]], last_seq: int, target: Target, report: Report) -> None:
    snapshots = {name: handle for name, handle in source.snapshots.items() if int(name[:20]) <= last_seq}
    sizes = {name: os.fstat(handle).st_size for name, handle in snapshots.items()}
    meter = Meter("journal and snapshots, MiB", sum(size for _, size in segments) + sum(sizes.values()), report)
    for place, (name, size) in enumerate(segments):
        finished = place < len(segments) - 1
        target.copy(f"journal/{name}", source.segments[name], size, finished=finished, done=meter)
    for name, content in source.lists.items():
        target.put(f"journal/{name}", content)
    target.put("journal/durable.mark", journal_mark(last_seq))
    for name, handle in snapshots.items():
        target.copy(f"snapshots/{name}", handle, sizes[name], finished=True, done=meter)


def _described_journal(
    target: Target, journal_id: str, segments: list[tuple[str, int]], last_seq: int, cursor: int, report: Report
) -> Journal:
    """Reads the copy from end to end."""
    damage, frames, expected = [], 0, 0
    for place, (name, _) in enumerate(segments):
        report("journal read back, segments", place, len(segments))
        first = int(name[:20])
        if expected and expected != first:
            damage.append(Damage(name, 0, expected))
        try:
            expected, read_frames, places = journal_check(str(target.folder / "journal"), name)
        except RuntimeError as error:
            raise BackupError(str(error)) from None
        if places and f"journal/{name}" in target.linked:
            raise check.LinkedDamaged(f"journal/{name}")
        frames += read_frames
        damage += [Damage(name, offset, seq) for offset, seq in places]
    report("journal read back, segments", len(segments), len(segments))
    first_seq = int(segments[0][0][:20]) if segments else last_seq + 1
    snapshots = target.folder / "snapshots"
    seqs = [int(path.name[:20]) for path in sorted(snapshots.iterdir())] if snapshots.is_dir() else []
    usable = [seq for seq in seqs if first_seq - 1 <= seq <= cursor and snapshot_reads(str(snapshots), seq)]
    return Journal(journal_id, first_seq, last_seq, frames, [0, *usable] if first_seq <= 1 else usable, damage)


def _copy_models(settings: Settings, target: Target) -> list[Bundle]:
    """Every bundle of models.dir: those loaded now and those of then."""
    loaded, found = set(bundles.bundles(settings.models)), []
    for folder in bundles.all_versions(settings.models):
        name, version = folder.parent.name, folder.name
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            if path.stat().st_size > _MODEL_FILE_BYTES_MAX:
                raise BackupError(f"{path}: too large for a part of a bundle")
            target.put(f"models/{name}/{version}/{path.relative_to(folder)}", path.read_bytes())
        found.append(Bundle(name, version, folder in loaded))
    return found


def _copy_settings(wanted: Wanted, folder: Path, site_key: bytes, target: Target) -> list[str]:
    """Settings, policy, secrets; what was left out, in words."""
    settings, left_out = wanted.settings, []
    target.put("settings/effective.toml", wanted.rendered.encode())
    if policy := bundles.policy(settings):
        target.put("settings/policy.toml", policy.encode())
    if wanted.secrets:
        target.put("secrets/site.key", site_key)
        if (folder / "keys.json").is_file():
            target.put("secrets/keys.json", (folder / "keys.json").read_bytes())
        if wanted.config_file is not None:
            target.put("secrets/nightlamp.toml", wanted.config_file.read_bytes())
    else:
        left_out.append("site.key: restore asks for it; without it the journal would give other pseudonyms")
        left_out.append("keys.json: nobody may enter a restored server before keys are made anew")
        left_out.append("the settings file, which may hold passwords; settings/effective.toml has the rest")
    brokers = [broker.ca for broker in settings.mqtt.brokers]
    tls = [path for one in (settings.http.tls, settings.mqtt.listen.tls) if one for path in (one.cert, one.key)]
    left_out += [f"{path}: a file the settings name" for path in [*tls, *brokers] if path]
    return left_out


def _warnings(journal: Journal, store: Store) -> list[str]:
    return [
        f"journal/{place.segment} was damaged already at byte {place.offset}: frame {place.seq} cannot be read"
        for place in journal.damage
    ] + check.no_beginning(journal, store.cursor)
