"""Keeps a part of notifications going: one that fails begins again, after a pause, and takes no other with it.

The pause is 1 s, doubles with each failure to 60 s, and is 1 s again after a run that lasted longer than that. Of the
error its type is told, never its text.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

_log = structlog.get_logger("nightlamp.notify")
PAUSE_S_MIN, PAUSE_S_MAX = 1.0, 60.0


async def lasting(name: str, run: Callable[[], Awaitable[None]], failed: Callable[[bool], None]) -> None:
    """Run until cancelled. `failed` is told True when it failed, and False once it runs again."""
    pause_s = PAUSE_S_MIN
    while True:
        began_s = time.monotonic()
        try:
            await run()
        except Exception as error:
            if time.monotonic() - began_s > PAUSE_S_MAX:
                pause_s = PAUSE_S_MIN
            why = type(error).__name__
            _log.error("a part of notifications has failed and begins again", part=name, reason=why, pause_s=pause_s)
        else:
            return
        failed(True)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_S_MAX)
        failed(False)
