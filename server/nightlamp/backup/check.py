"""`nightlamp verify`: whether a backup is whole. Needs nothing but the backup, and writes nothing.

Every byte is under a checksum, the manifest's included; beyond that the journal is read record by record and must hold
every frame it says, each table must be a stream of as many rows as it says, and a restart must have a place to begin.
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from nightlamp._core import journal_check, snapshot_reads
from nightlamp.backup import tables
from nightlamp.backup.copying import Meter, Report, sha256_of, silent
from nightlamp.backup.manifest import MANIFEST, SUMS, BackupError, Damage, Journal, Manifest, read


class LinkedDamaged(BackupError):
    """A file shared with an earlier backup has changed there."""


def verify(folder: Path, report: Report = silent, to_begin: bool = True) -> tuple[Manifest, list[str]]:
    """The manifest, and what is wrong, each naming its file. Raises BackupError where there is no manifest to go by.

    `to_begin`: a server must be able to go on from this backup alone.
    """
    manifest = read(folder)
    problems = _files(folder, manifest, report)
    if not problems:
        problems = _journal(folder, manifest, report) + (_begins(folder, manifest) if to_begin else [])
    if not problems:
        problems = _tables(folder, manifest, report)
    return manifest, problems


def made(folder: Path, manifest: Manifest, linked: Collection[str], report: Report) -> None:
    """Reads a new backup back; its journal was read already. Raises BackupError."""
    read(folder)
    if problems := _files(folder, manifest, report):
        if any(problem.split(": ")[0] in linked for problem in problems):
            raise LinkedDamaged(problems[0])
        raise BackupError(f"read back, the backup is not what was written: {problems[0]}")


def _files(folder: Path, manifest: Manifest, report: Report) -> list[str]:
    problems = []
    there = {str(Path(at, name).relative_to(folder)) for at, _, names in os.walk(folder) for name in names}
    listed = {file.path for file in manifest.files}
    problems += [f"{path}: is missing" for path in sorted(listed - there)]
    problems += [f"{path}: does not belong to the backup" for path in sorted(there - listed - {MANIFEST, SUMS})]
    meter = Meter("checksums, MiB", manifest.bytes, report)
    for file in manifest.files:
        if file.path not in there:
            continue
        try:
            size = (folder / file.path).stat().st_size
            if size != file.bytes:
                problems.append(f"{file.path}: has {size} bytes, should have {file.bytes}")
            elif sha256_of(folder / file.path, done=meter) != file.sha256:
                problems.append(f"{file.path}: the checksum differs")
        except OSError as error:
            problems.append(f"{file.path}: {error.strerror}")
    return problems


def _journal(folder: Path, manifest: Manifest, report: Report) -> list[str]:
    """Every frame from the first to the last, but those the original had lost already."""
    said = manifest.journal
    names = [file.path[8:] for file in manifest.files if file.path.endswith(".journal")]
    found, frames, expected = [], 0, said.first_seq
    for place, name in enumerate(sorted(names)):
        report("journal, segments", place, len(names))
        if int(name[:20]) != expected:
            found.append(Damage(name, 0, expected))
        try:
            expected, count, places = journal_check(str(folder / "journal"), name)
        except RuntimeError as error:
            return [f"journal/{name}: {error}"]
        frames += count
        found += [Damage(name, offset, seq) for offset, seq in places]
    report("journal, segments", len(names), len(names))
    problems = [
        f"journal/{one.segment}: frame {one.seq} cannot be read at byte {one.offset}"
        for one in found
        if one not in said.damage
    ]
    if frames != said.frames or (expected != said.last_seq + 1 and not said.damage):
        problems.append(f"journal: {frames} frames up to {expected - 1}, should be {said.frames} up to {said.last_seq}")
    if manifest.store.cursor > said.last_seq:
        problems.append(f"the database's cursor ({manifest.store.cursor}) lies beyond the journal ({said.last_seq})")
    return problems


def no_beginning(journal: Journal, cursor: int) -> list[str]:
    """Says so where a restored server could not go on: nothing covers what came before the journal's first frame."""
    if any(journal.first_seq - 1 <= seq <= cursor for seq in journal.begins):
        return []
    return [
        f"the journal begins at frame {journal.first_seq} and no snapshot covers what came before it and is not "
        f"newer than the database ({cursor}): the rows are here, but a restored server could not go on"
    ]


def _begins(folder: Path, manifest: Manifest) -> list[str]:
    """The states a restart may go on from, read as it would read them."""
    return no_beginning(manifest.journal, manifest.store.cursor) or [
        f"snapshots/{seq:020}.snapshot: this nightlamp ({manifest.nightlamp} made it) cannot go on from it"
        for seq in manifest.journal.begins[-1:]
        if seq and not snapshot_reads(str(folder / "snapshots"), seq)
    ]


def _tables(folder: Path, manifest: Manifest, report: Report) -> list[str]:
    problems = []
    stored = manifest.store.tables
    meter: Callable[[int], None] = Meter("tables, MiB", sum(table.bytes for table in stored), report)
    for table in stored:
        path = f"tables/{table.name}.copy"
        try:
            if tables.digest_of_file(folder / path, meter) != (table.rows, table.digest):
                problems.append(f"{path}: holds other rows than {MANIFEST} says")
        except ValueError as error:
            problems.append(f"{path}: {error}")
    return problems
