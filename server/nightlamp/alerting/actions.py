"""What a person does to an alert becomes a frame in the journal; so does what the server finds out of its channels.

The frames are those of core_rs/src/alert/action.rs. They are acknowledged when they are durable (P1); what has become
of the alert meanwhile, the engine decides in the order of the journal.
"""

from typing import Any, Protocol

import orjson

from nightlamp._core import CoreError
from nightlamp.errors import Problem
from nightlamp.identity.roles import Principal
from nightlamp.receive.receipts import Receipts

#: `Source::Action` of core_rs/src/receive/frame.rs.
ACTION = 18
#: The principal of what the server says itself.
SELF = "nightlamp"


class Engine(Protocol):
    """The part of `_core.Engine` this needs."""

    def submit(self, source: int, principal: str, context: str, payload: bytes) -> int:
        """Queue a frame; its sequence number. Raises CoreError."""
        ...

    def alert_unit(self, alert_id: int) -> str | None:
        """Unit of an alert that is not cleared, empty where it is in none; None where there is no such alert."""
        ...


class Actions:
    """Writes actions. Both calls return once the frame is on disk, and raise `Problem` when it will not be."""

    def __init__(self, engine: Engine, receipts: Receipts) -> None:
        self.engine, self._receipts = engine, receipts

    async def of_person(self, principal: Principal, action: str, alert_id: int, **said: Any) -> int:
        """Somebody acknowledges, snoozes, unsnoozes or escalates an alert; the frame's number."""
        by = {"by": principal.id, "role": str(principal.role)}
        return await self._write(principal.id, {"action": action, "alert_id": str(alert_id), **by, **said})

    async def channel(self, name: str, *, dead: bool, reason: str) -> int:
        """A notification channel died or delivers again; repeating is harmless. `reason`: one sentence, no identity."""
        action = "channel_dead" if dead else "channel_alive"
        return await self._write(SELF, {"action": action, "subject": name, "reason": reason})

    async def _write(self, principal: str, action: dict[str, Any]) -> int:
        self._receipts.check_room()
        try:
            seq = self.engine.submit(ACTION, principal, "", orjson.dumps(action))
        except CoreError as error:
            code, status, detail = error.args
            raise Problem(status, code, detail) from None
        await self._receipts.durable(seq)
        return seq
