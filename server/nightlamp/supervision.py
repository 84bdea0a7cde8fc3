"""What the engine's supervision says, into the log: panics, frames passed over, a longer recovery's progress, a hang.

The engine writes no log of its own; it is asked every second. Of a frame the log tells its number, of a panic its place
in the sources: never what either says (P6).
"""

import asyncio
import json
import os
import threading
from typing import Any, Protocol

import structlog

from nightlamp.endings import StageHung

_log = structlog.get_logger("nightlamp.supervision")
LOOK_EVERY_S = 1.0
#: How long an orderly end may take once a stage hangs; then the process ends as it is: the journal is the truth.
ORDERLY_S_MAX = 20.0


class Engine(Protocol):
    """The part of `_core.Engine` this needs."""

    def supervise(self) -> bytes:
        """JSON: notes since the last call, recovery, fatal."""
        ...


async def watch(engine: Engine, hung: asyncio.Future[str]) -> None:
    """Log what happens, until cancelled; `hung` gets the reason once a stage hangs."""
    recovering = False
    while True:
        said: dict[str, Any] = json.loads(engine.supervise())
        for note in said["notes"]:
            _log.error(note)
        recovery = said["recovery"]
        if recovery is not None:
            _log.info("recovering", **recovery)
        elif recovering:
            _log.info("recovered")
        recovering = recovery is not None
        if said["fatal"] is not None and not hung.done():
            hung.set_result(said["fatal"])
            leave = threading.Timer(ORDERLY_S_MAX, os._exit, (StageHung.code,))
            leave.daemon = True
            leave.start()
        await asyncio.sleep(LOOK_EVERY_S)
