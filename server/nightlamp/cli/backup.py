"""`nightlamp backup`, `verify` and `restore`: journal, tables and models together."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from nightlamp import settings as settings_file

from .config import render
from .progress import progress
from .terminal import err, fail, out, settings_of

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from nightlamp.backup.take import Taken

T = TypeVar("T")
Backup = Annotated[Path, typer.Argument(help="A backup, or a folder of backups: then the newest one in it.")]


def backup(
    context: typer.Context,
    destination: Annotated[
        Path, typer.Argument(help="Folder of backups; each gets a folder in it, named by its time.")
    ],
    keep: Annotated[
        int | None, typer.Option(min=1, help="Then remove all but so many of the newest of this journal.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Copy everything; share no file with the backup before.")
    ] = False,
    without_secrets: Annotated[
        bool, typer.Option("--without-secrets", help="Leave out site key, API keys and settings file.")
    ] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not read the backup back.")] = False,
) -> None:
    """Make a backup of a running or a stopped server.

    Take the server's own settings (--config, environment) and user. Prints the backup's folder. It holds names, raw
    messages and, unless told otherwise, secrets: keep it as you keep the data folder.
    """
    settings = settings_of(context)
    from nightlamp.backup.take import Wanted, take

    with progress(terminal_only=True) as report:
        rendered = "\n".join(render(settings)) + "\n"
        wanted = Wanted(
            settings,
            destination,
            settings_file.file_in_use(),
            rendered,
            secrets=not without_secrets,
            full=full,
            verify=not no_verify,
            report=report,
        )
        taken = _run(take(wanted))
    manifest, tables = taken.manifest, taken.manifest.store.tables
    rows, table_bytes = sum(table.rows for table in tables), sum(table.bytes for table in tables)
    for warning in manifest.warnings:
        err.print(f"[yellow]warning:[/] {warning}", highlight=False)
    shared, speed = _mib(taken.linked_bytes), f"{rows / taken.tables_s:,.0f} rows/s"
    err.print(
        f"frames {manifest.journal.first_seq} to {manifest.journal.last_seq} (database: {manifest.store.cursor}), "
        f"{_mib(manifest.bytes)} in {taken.took_s:.1f} s, {shared} of it shared with the backup before; "
        f"{rows} rows in {taken.tables_s:.1f} s ({speed}, {_mib(table_bytes / taken.tables_s)}/s)",
        highlight=False,
    )
    if manifest.secrets:
        err.print("It holds the site key and the API keys (--without-secrets leaves them out).", highlight=False)
    else:
        for one in manifest.left_out:
            err.print(f"left out: {one}", highlight=False)
    out.print(str(taken.path), markup=False, highlight=False)
    if taken.problems:
        removed_none = "; no older backup was removed" if keep else ""
        fail(f"the backup was made, but a person must look at it{removed_none}: {'; '.join(taken.problems)}")
    if keep:
        _prune(destination, taken, keep)


def _prune(destination: Path, taken: "Taken", keep: int) -> None:
    from nightlamp.backup.manifest import BackupError
    from nightlamp.backup.take import prune

    try:
        for old in prune(destination, taken, keep):
            err.print(f"removed {old.name}", highlight=False)
    except BackupError as error:
        fail(f"the backup was made, but older ones could not be removed: {error}")


def verify(
    context: typer.Context,
    backup: Backup,
    against: Annotated[
        bool, typer.Option("--against", help="Also hold it against data folder and database of the settings.")
    ] = False,
) -> None:
    """Check that a backup is whole: every byte, every frame, every row. Exit code 1 where it is not.

    With --against: whether the data folder and its database hold the same. Straight after a restoration everything must
    be equal; of a server that has gone on, its beginning must be.
    """
    from nightlamp.backup import against as comparison
    from nightlamp.backup.check import verify as check
    from nightlamp.backup.manifest import BackupError, chosen

    settings = settings_of(context) if against else None
    try:
        with progress(terminal_only=True) as report:
            folder = chosen(backup)
            manifest, problems = check(folder, report)
            compared = None
            if settings is not None and not problems:
                compared = _run(comparison.compare(folder, manifest, settings, report))
    except BackupError as error:
        fail(str(error))
    for warning in manifest.warnings:
        err.print(f"[yellow]warning:[/] {warning}", highlight=False)
    for problem in [*problems, *(compared.differs if compared else [])]:
        err.print(f"[bold red]wrong:[/] {problem}", highlight=False)
    if compared is not None:
        for one in compared.equal:
            out.print(f"equal: {one}", highlight=False)
        for one in compared.skipped:
            out.print(f"not compared: {one}", highlight=False)
    if problems or (compared and compared.differs):
        raise typer.Exit(1)
    rows = sum(table.rows for table in manifest.store.tables)
    out.print(
        f"{folder}: whole. {len(manifest.files)} files, {_mib(manifest.bytes)}, frames "
        f"{manifest.journal.first_seq} to {manifest.journal.last_seq}, {rows} rows up to frame {manifest.store.cursor}",
        highlight=False,
    )


def restore(
    context: typer.Context,
    backup: Backup,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where to; else data_dir of the settings. Must be empty.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move what is in the data folder into a folder inside it.")
    ] = False,
    tables_only: Annotated[
        bool, typer.Option("--tables-only", help="Only the database, beside a data folder that is whole.")
    ] = False,
    site_key: Annotated[
        Path | None, typer.Option("--site-key", help="The site key, where the backup was made without secrets.")
    ] = None,
) -> None:
    """Restore a backup into an empty data folder and an empty database (database.url, else the folder's private one).

    The backup is verified first. Until all is done the folder cannot be started on; interrupted, run it again. The
    journal gets a new name, since what came after the backup is lost and its numbers will be given again.
    """
    settings = settings_of(context)
    if data_dir is not None:
        settings = settings.model_copy(update={"data_dir": data_dir})
    from nightlamp.backup.manifest import BackupError, chosen
    from nightlamp.backup.restore import Wanted
    from nightlamp.backup.restore import restore as run

    try:
        folder = chosen(backup)
    except BackupError as error:
        fail(str(error))
    with progress(terminal_only=True) as report:
        wanted = Wanted(folder, settings, replace=replace, tables_only=tables_only, site_key=site_key, report=report)
        restored = _run(run(wanted))
    if restored.moved_aside is not None:
        err.print(f"what was there is now in {restored.moved_aside}", highlight=False)
    for note in restored.notes:
        err.print(note, highlight=False)
    manifest = restored.manifest
    behind = manifest.journal.last_seq - manifest.store.cursor
    out.print(
        f"{restored.folder}: restored up to frame {manifest.journal.last_seq} ({manifest.created_at}). The next start "
        f"makes the rows of the last {behind} frames from the journal; nothing that came after the backup is here.",
        highlight=False,
    )


def _mib(count: float) -> str:
    return f"{count / (1 << 20):.1f} MiB"


def _run(work: "Coroutine[Any, Any, T]") -> T:
    """The work's answer; leaves with 1 and one line where it fails."""
    from nightlamp.backup.manifest import BackupError
    from nightlamp.embedded.child import EmbeddedError
    from nightlamp.settings import ConfigurationError
    from nightlamp.store import MigrationError

    try:
        return asyncio.run(work)
    except (BackupError, EmbeddedError, MigrationError) as error:
        fail(str(error))
    except ConfigurationError as error:
        fail(str(error), 2)
