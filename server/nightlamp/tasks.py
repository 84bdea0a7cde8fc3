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

CANCEL_AGAIN_S = 1.0


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


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel them and wait for their end.

    Again every second: a library that meets a cancellation while it gives up a connection may swallow it (redis-py did,
    where Redis was killed as the server was told to stop), and a stop that waits for such a task waits for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
