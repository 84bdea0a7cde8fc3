"""Why the server ends without being asked, and its exit codes: for the supervisor that starts it again.

Each is a failure that no part of this process can mend and that a fresh start may.
"""

import asyncio
from typing import Any

import structlog

_log = structlog.get_logger("nightlamp.endings")
#: How long `/readyz` shows a failed journal, and waiting requests are answered, before the server ends.
FAILED_SHOWN_S = 2.0


class StartError(Exception):
    """The server could not start; the text says why and what to do."""


class Ended(Exception):
    """The server ended by itself; the text says why and what to do."""

    #: What the process leaves with.
    code = 1


class JournalFailed(Ended):
    """A write or sync of the journal failed: nothing more may be acknowledged (P1). EX_IOERR of sysexits.h."""

    code = 74


class StageHung(Ended):
    """A stage hangs with a frame that is on the list beside the journal now. EX_SOFTWARE of sysexits.h."""

    code = 70


class TaskDied(Ended):
    """A task that watches over others ended by an error. EX_SOFTWARE of sysexits.h."""

    code = 70


async def over(
    stop: asyncio.Event,
    http: asyncio.Task[Any],
    journal_failed: asyncio.Event,
    hung: asyncio.Future[str],
    died: asyncio.Future[str],
    begins: asyncio.Task[None] | None = None,
) -> None:
    """Return when asked to stop or when the HTTP server has ended.

    Raises `JournalFailed` two seconds after the journal has failed. A sync is not tried again: the kernel may have
    dropped the pages and would report success. Only a new process reads what is really on the disk. Raises `StageHung`
    as long after the watchdog has found a stage that hangs: its thread cannot be taken back. `TaskDied` where a task
    without which nobody watches has died. Raises also what `begins` does: a route that was to begin later, and cannot.
    """
    watched = [asyncio.create_task(stop.wait()), asyncio.create_task(journal_failed.wait())]
    ends: set[asyncio.Future[Any]] = {http, hung, died, *watched}
    if begins is not None:
        await asyncio.wait({begins, *ends}, return_when=asyncio.FIRST_COMPLETED)
    if begins is None or (begins.done() and begins.exception() is None):
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for one in watched:
        one.cancel()
    if begins is not None and begins.done():
        begins.result()
    if hung.done():
        _log.error("a stage hangs; the server ends", exit_code=StageHung.code, why=hung.result())
        await asyncio.sleep(FAILED_SHOWN_S)
        raise StageHung(f"{hung.result()}. A new start goes on behind it")
    if died.done():
        _log.error("a task of the server has died; the server ends", exit_code=TaskDied.code, why=died.result())
        await asyncio.sleep(FAILED_SHOWN_S)
        raise TaskDied(f"{died.result()}. A new start goes on from the journal")
    if not journal_failed.is_set():
        return
    _log.error("the journal cannot write; the server ends", exit_code=JournalFailed.code)
    await asyncio.sleep(FAILED_SHOWN_S)
    raise JournalFailed(
        "the journal cannot be written any more, so nothing more can be acknowledged. Look at the disk of the data "
        "folder; a new start goes on from what is safely on it"
    )
