"""`nightlamp verify --against`: whether a data folder and its database hold what a backup holds.

Straight after a restoration everything must be equal. A server that has gone on since is compared as far as that means
something: the journal is append-only, so the backup's bytes must be the beginning of its segments; tables whose rows
belong to frames are compared up to the backup's cursor; tables that change (patients, encounters, bed stays, what
became of messages) are not, nor is what retention may have shortened since.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from nightlamp._core import journal_extent
from nightlamp.backup import tables
from nightlamp.backup.copying import Meter, Report, sha256_of, silent
from nightlamp.backup.database import connected
from nightlamp.backup.lineage import journal_of
from nightlamp.backup.manifest import BackupError, Manifest, Store, Table
from nightlamp.backup.source import in_use
from nightlamp.settings import Settings

#: Rows by frame, written later all the same: a message is delivered when its step has long been stored.
_CHANGES = {"notification_deliveries"}


@dataclass(slots=True)
class Compared:
    """What was found equal, what differs, and what could not be compared and why."""

    equal: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


async def compare(folder: Path, manifest: Manifest, settings: Settings, report: Report = silent) -> Compared:
    """Holds a backup against the data folder and database of the settings. Raises BackupError, EmbeddedError."""
    data = settings.data_dir.resolve()
    if not (data / "journal.id").is_file():
        raise BackupError(f"{data}: no data folder of a server (data_dir)")
    found = Compared()
    lineage = journal_of(data)
    if manifest.journal.id not in {lineage.journal, lineage.before}:
        raise BackupError(f"{data} has another journal than the backup")
    with in_use(data) as running:
        _journal(folder, manifest, data, running, found, report)
        _secrets(manifest, data, found)
        async with (
            connected(settings, data, running=running) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await _tables(connection, manifest.store, lineage.journal, found, settings, report)
    return found


def _journal(folder: Path, manifest: Manifest, data: Path, running: bool, found: Compared, report: Report) -> None:
    segments = [file for file in manifest.files if file.path.endswith(".journal")]
    meter = Meter("journal, MiB", sum(file.bytes for file in segments), report)
    present = sorted(path.name for path in (data / "journal").glob("*.journal"))
    before = 0
    for file in segments:
        path = data / file.path
        if not path.exists():
            if present and path.name < present[0]:
                found.skipped.append(f"{file.path}: removed by retention")
            else:
                found.differs.append(f"{file.path}: is not in {data}")
        elif path.stat().st_size < file.bytes or sha256_of(path, file.bytes, meter) != file.sha256:
            found.differs.append(f"{file.path}: other bytes than in the backup")
        else:
            before += 1
    try:
        extent = journal_extent(str(data / "journal"), running)
    except RuntimeError as error:
        raise BackupError(str(error)) from None
    if extent and extent[0] < manifest.journal.last_seq:
        found.differs.append(f"journal: ends with frame {extent[0]}, the backup with {manifest.journal.last_seq}")
    if before == len(segments):
        found.equal.append(f"journal: frames {manifest.journal.first_seq} to {manifest.journal.last_seq}")


def _secrets(manifest: Manifest, data: Path, found: Compared) -> None:
    if sha256_of(data / "site.key") == manifest.site_key_sha256:
        found.equal.append("site.key")
    else:
        found.differs.append("site.key: another one than the backup's journal was pseudonymised with")


async def _tables(
    connection: Any, store: Store, journal: str, found: Compared, settings: Settings, report: Report
) -> None:
    if await connection.fetchval("SELECT to_regclass('store_cursor') IS NULL"):
        found.differs.append("the database has no schema of nightlamp")
        return
    cursor = await connection.fetchrow("SELECT seq, journal FROM store_cursor")
    if cursor["journal"] != journal:
        found.differs.append("the database holds the rows of another journal than data_dir")
        return
    if cursor["seq"] < store.cursor:
        found.differs.append(f"the database's cursor is {cursor['seq']}, the backup's {store.cursor}")
        return
    went_on = cursor["seq"] > store.cursor
    forgetting = _forgetting(store, settings) if went_on else {}
    shapes = {shape.name: shape for shape in (await tables.shapes(connection))[0]}
    for place, table in enumerate(store.tables):
        report("tables", place, len(store.tables))
        if table.name not in shapes:
            found.differs.append(f"table {table.name}: is not in the database")
        elif went_on and not _stays(table):
            found.skipped.append(f"table {table.name}: the server has gone on, and its rows change")
        else:
            through = store.cursor if went_on else None
            rows, digest = await tables.digest_of(connection, shapes[table.name], table.columns, through)
            if (rows, digest) == (table.rows, table.digest):
                found.equal.append(f"table {table.name}: {rows} rows")
            elif table.name in forgetting and rows < table.rows:
                why = f"{rows} of {table.rows} rows are left, the others may be forgotten ({forgetting[table.name]})"
                found.skipped.append(f"table {table.name}: {why}")
            else:
                found.differs.append(f"table {table.name}: {rows} rows, the backup has {table.rows}, or others")
    report("tables", len(store.tables), len(store.tables))
    rest = [shape.name for shape in shapes.values() if shape.name not in {table.name for table in store.tables}]
    found.skipped += [f"table {name}: is not in the backup" for name in rest]


def _stays(table: Table) -> bool:
    """Whether the rows of a frame are written with it and never again, and say which frame that is."""
    named = {"seq", "ordinal"} <= set(table.columns) or table.name == "policy_changes"
    return named and table.name not in _CHANGES


def _forgetting(store: Store, settings: Settings) -> dict[str, str]:
    """Tables of which retention (`_maintain` of app.py) may have taken rows that the backup has, and by which setting:
    alerts by when they cleared; what is by time by its oldest partition."""
    if settings.decode.recorded_time:
        return {}
    found = {"alert_events": "database.alerts_keep_days"} if settings.database.alerts_keep_days else {}
    if days := settings.database.keep_days:
        before = datetime.now(UTC) - timedelta(days=days)
        old = [name for name, starts in store.partitions.items() if starts and _oldest(starts) < before]
        found |= dict.fromkeys(old, "database.keep_days")
    return found


def _oldest(starts: list[str]) -> datetime:
    return min(datetime.fromisoformat(start) for start in starts)


def as_json(compared: Compared) -> str:
    """For machines."""
    return msgspec.json.encode(compared).decode()
