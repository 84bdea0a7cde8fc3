"""The policy in force, and another one in its place: a frame of the journal, acknowledged when it is durable (P1).

A change is checked by the engine's own reader before it is journalled. Where a caller says which policy it is meant to
replace (If-Match), another one in between refuses it (412): comparing and journalling happen without a pause between.
"""

import asyncio
import json
from typing import Any, Protocol

import orjson
import structlog

from nightlamp._core import CoreError, Scorers
from nightlamp.errors import Problem
from nightlamp.identity.roles import Principal
from nightlamp.policy.checking import Checked, PolicyRefused, check
from nightlamp.receive.receipts import Receipts

_log = structlog.get_logger("nightlamp.audit")
#: `Source::Policy` of core_rs/src/receive/frame.rs.
POLICY = 19


class Engine(Protocol):
    """The part of `_core.Engine` this needs."""

    def submit(self, source: int, principal: str, context: str, payload: bytes) -> int:
        """Queue a frame; its sequence number. Raises CoreError."""
        ...

    def policy(self) -> bytes | None:
        """The policy in force as JSON; None until the state is read at a start."""
        ...

    def loaded_scorers(self) -> Scorers:
        """Rules and bundles."""
        ...


class PolicyChanges:
    """Reads and changes the policy of a running engine."""

    def __init__(self, engine: Engine, receipts: Receipts) -> None:
        self._engine, self._receipts, self._scorers = engine, receipts, engine.loaded_scorers()
        #: Frame and SHA-256 of the change journalled last: the engine may not have reached it.
        self._last: tuple[int, str] | None = None

    def now(self) -> dict[str, Any]:
        """The policy in force, as `_core.Engine.policy` gives it. A 503 Problem while a start reads its state."""
        shown = self._engine.policy()
        if shown is None:
            raise Problem(503, "overloaded", "The server is reading its state; try again in a moment.")
        found: dict[str, Any] = json.loads(shown)
        return found

    async def check(self, text: str) -> Checked:
        """Raises a 422 Problem with the line."""
        try:
            return await asyncio.to_thread(check, text, self._scorers)
        except PolicyRefused as refused:
            extra = {"line": refused.line, "shown": refused.shown}
            raise Problem(422, "policy_refused", str(refused), extra=extra) from None

    async def load(self, person: Principal, text: str, note: str, replaces: str | None) -> tuple[int, Checked]:
        """Put a policy in force once it is on disk; the frame's number. `replaces`: SHA-256 of the one expected.

        Raises a Problem: 412 where another is in force, 422 with the line, what the journal refuses with.
        """
        checked = await self.check(text)
        self._receipts.check_room()
        if replaces is not None and replaces != self._current():
            raise Problem(412, "policy_changed", f"The policy in force is another one by now: {self._current()}.")
        change = {"policy": text, "by": person.id, "note": note}
        try:
            seq = self._engine.submit(POLICY, person.id, "", orjson.dumps(change))
        except CoreError as error:
            code, status, detail = error.args
            raise Problem(status, code, detail) from None
        self._last = (seq, checked.sha256)
        try:
            await self._receipts.durable(seq)
        except BaseException:
            if self._last == (seq, checked.sha256):
                self._last = None  # whether it came into force, the engine says
            raise
        _log.info("alert policy loaded", principal=person.id, seq=seq, sha256=checked.sha256)
        return seq, checked

    def _current(self) -> str:
        """SHA-256 of the policy that what is journalled next would replace."""
        now = self.now()
        if self._last is not None and self._last[0] > (now["seq"] or 0):
            return self._last[1]
        return str(now["sha256"])
