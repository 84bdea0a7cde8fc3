"""Ends the technical alerts about channels that are no longer in use, once a start.

A channel is in use where a route names it. Its alert ends first, then it is forgotten: a kill between the two tells it
again, which changes nothing. Tried every `RETRY_S` until the database and the journal have answered.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from nightlamp.notify.health import Tell

_log = structlog.get_logger("nightlamp.notify")
RETRY_S = 2.0
GONE = "the channel is no longer in use"


class Known(Protocol):
    """`record.Recorder`, as far as this needs it."""

    async def others_than(self, channels: Sequence[str]) -> list[str]:
        """Channels that were in use, but these. Raises where it cannot be read."""
        ...

    async def forget(self, channel: str) -> None:
        """It is no longer in use. Raises where it cannot be written."""
        ...


async def bid(known: Known, tell: Tell | None, in_use: Sequence[str]) -> None:
    """Until it is done or cancelled."""
    while True:
        try:
            for name in await known.others_than(in_use):
                if tell is not None:
                    await tell(name, dead=False, reason=GONE)
                await known.forget(name)
        except Exception as error:  # a database that is away or empty yet, a journal that is full: tried again
            _log.debug("channels out of use cannot be forgotten yet", reason=type(error).__name__)
            await asyncio.sleep(RETRY_S)
        else:
            return
