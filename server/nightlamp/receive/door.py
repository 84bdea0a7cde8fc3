"""What both HTTP doors share: who may enter, how much, and what is counted.

The order is the promise: credential, media type, size, screening, journal, answer.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request

from nightlamp.errors import Problem
from nightlamp.identity.access import Access
from nightlamp.identity.roles import Permission, Principal

from . import body
from .receipts import Receipts

if TYPE_CHECKING:
    from nightlamp._core import Decoder, Deliveries, HL7Door, Refusal


class Source(IntEnum):
    """The HTTP doors among the numbers of core_rs/src/receive/frame.rs."""

    HL7_HTTP = 1
    JSON_HTTP = 2

    @property
    def label(self) -> str:
        """The name in metrics and key scopes."""
        return self.name.lower()


class Intake(Protocol):
    """The part of `_core.Engine` a door needs."""

    def submit(self, source: int, principal: str, context: str, payload: bytes) -> int:
        """Queue a frame; its sequence number. Raises CoreError."""
        ...


@dataclass(slots=True)
class DoorCounts:
    """What the HTTP doors counted: every message ends accepted or refused (P4).

    Keys are doors, or codes for `refused`.
    """

    messages: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Door:
    """What a door works with."""

    access: Access
    intake: Intake
    decoder: "Decoder"
    deliveries: "Deliveries"
    hl7: "HL7Door"
    receipts: Receipts
    counts: DoorCounts
    body_bytes_max: int
    body_timeout_s: float

    async def admit(
        self, request: Request, source: Source, media_types: frozenset[str]
    ) -> tuple[Principal, str, bytes]:
        """(principal, charset parameter, body). Raises a `Problem`, before the body is read wherever it can."""
        principal = self.access.require(request, Permission.INGEST, source.label)
        media_type, charset = body.media_type(request.headers.get("content-type", ""))
        if media_type not in media_types:
            raise Problem(415, "unsupported_media", f"Content-Type must be one of {', '.join(sorted(media_types))}.")
        body.refuse_encoding(request)
        self.receipts.check_room()
        payload = await body.read(request, self.body_bytes_max, self.body_timeout_s)
        if not payload:
            raise Problem(400, "malformed", "The body is empty.")
        self.counts.bytes[source.label] += len(payload)
        return principal, charset, payload

    def submit(self, source: Source, principal: Principal, context: str, payload: bytes) -> int:
        """Hand one frame to the journal; its sequence number. Raises a `Problem` when it does not take it."""
        from nightlamp._core import CoreError

        try:
            return self.intake.submit(source, principal.id, context, payload)
        except CoreError as error:
            code, status, detail = error.args
            raise Problem(status, code, detail) from None


def problem(refusal: "Refusal") -> Problem:
    """A refusal of the Rust half as an answer."""
    return Problem(refusal.http_status, refusal.code, refusal.detail)


def now_us() -> int:
    """The clock of the doors, microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000
