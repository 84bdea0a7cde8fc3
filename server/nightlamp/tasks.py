"""Tasks that run as long as the server: none of them ends unheard.

A task that watches over others (`ENDING`) ends the server in order when it dies, so that the supervisor starts it
again. Any other is shown in `/readyz` as its stage being down, and the ward is watched on.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import structlog

_log = structlog.get_logger("nightlamp.tasks")
#: Without them a stage that hangs would go unnoticed, and a key that was revoked would still hold.
ENDING = frozenset({"supervision", "keys"})


def died_of(task: asyncio.Task[Any]) -> str | None:
    """Type of the error that ended it, logged; None where it was cancelled or has done its work."""
    if task.cancelled() or (error := task.exception()) is None:
        return None
    why = type(error).__name__
    _log.error("a task of the server has died", task=task.get_name(), reason=why, exc_info=error)
    return why


class Tasks:
    """The long-lived tasks of a server, and which of them have died."""

    def __init__(self) -> None:
        #: Task to the type of its error.
        self.died: dict[str, str] = {}
        #: Done with a reason once one of `ENDING` has died.
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def start(self, stack: AsyncExitStack, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin one; it is cancelled and awaited when the stack unwinds."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._done)
        stack.push_async_callback(end, task)

    def _done(self, task: asyncio.Task[None]) -> None:
        why = died_of(task)
        if why is None:
            return
        name = task.get_name()
        self.died[name] = why
        if name in ENDING and not self.ended.done():
            self.ended.set_result(f"the task '{name}' has died of {why}")


async def end(task: asyncio.Task[None]) -> None:
    """Cancel it and wait for its end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
