"""A step in an alert's life as notifications read it: only fields that hold no identity and no person's free text.

The bodies are those of docs/messages.md. Whatever else a body carries (notes, reasons a person typed, contributions)
is never decoded here, so no template and no mistake can send it (P6).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

_ORDINAL_BITS = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Step(msgspec.Struct, frozen=True, gc=False):
    """One `alert` message of docs/messages.md, as far as it may be told outside."""

    cursor: str
    """`seq << 16 | ordinal`, decimal."""
    kind: str
    id: str
    """The alert's own id, decimal."""
    rule: str
    severity: str
    at_ms: int
    patient: str | None = None
    """Pseudonym; empty where the alert is about no patient."""
    unit: str | None = None
    bed: str | None = None
    subject: str | None = None
    """The feed, broker, channel or scorer that a technical alert is about."""
    reason: str | None = None
    by: str | None = None
    """Who did it; empty: the machine."""
    to: str | None = None
    """The role it was escalated to."""
    role: str | None = None
    """The role of the person who did it."""
    held: bool = False
    """Not to be notified of: a storm, or quiet hours."""

    @property
    def seq(self) -> int:
        """The frame that caused it."""
        return int(self.cursor) >> _ORDINAL_BITS

    @property
    def ordinal(self) -> int:
        """Its place within the frame."""
        return int(self.cursor) & ((1 << _ORDINAL_BITS) - 1)

    @property
    def at(self) -> datetime:
        """When, in UTC."""
        return _EPOCH + timedelta(milliseconds=self.at_ms)

    @property
    def machine_reason(self) -> str:
        """Why, in the machine's words; empty where a person did it."""
        return "" if self.by else self.reason or ""


_decoder = msgspec.json.Decoder(Step)

#: What a step is called in a sentence.
PHRASES: Mapping[str, str] = {
    "opened": "opened",
    "cleared": "cleared",
    "acknowledged": "acknowledged",
    "snoozed": "snoozed",
    "unsnoozed": "no longer snoozed",
    "escalated": "escalated",
    "reminded": "still unanswered",
    "expired": "expired without an answer",
    "raised": "raised",
    "lowered": "lowered",
    "moved": "moved to another bed",
}


def step_of(body: bytes) -> Step:
    """Decode an alert message. Raises msgspec.MsgspecError or ValueError for what is none."""
    step = _decoder.decode(body)
    if not 0 <= int(step.cursor) < 1 << 63 or not 0 <= int(step.id) < 1 << 63:
        raise ValueError("a cursor or id outside 63 bits")
    return step
