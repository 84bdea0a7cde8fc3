"""`/v1/dead-letters`: what could not be used, why, its bytes, and the way through the route once more (P4).

Reading and replaying need the permission operate; the bytes may name a patient, so they also need read_identity (P6).
Who read the bytes of a frame, and who sent one again, is in the audit log.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Protocol

import structlog
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from nightlamp._core import CoreError
from nightlamp.errors import Problem
from nightlamp.identity.access import requires
from nightlamp.identity.roles import Permission, Principal
from nightlamp.receive.receipts import Receipts
from nightlamp.store import Reader, StoreError, StoreUnavailable
from nightlamp.store.paging import BadCursor
from nightlamp.store.reader import SOURCES

_log = structlog.get_logger("nightlamp.audit")


class Replayer(Protocol):
    """The part of `_core.Engine` this needs."""

    def replay_frame(self, seq: int) -> int:
        """Journal a frame once more; the new frame's number. Raises CoreError."""
        ...


class DeadLetter(BaseModel):
    """One part of a frame that could not be used. No identity: `detail` names fields and expectations only."""

    seq: int
    ordinal: int
    received_at: datetime
    source: str
    principal: str
    context: str
    stage: str
    reason: str
    detail: str
    location: str
    replayed_seq: int | None
    replayed_at: datetime | None


class DeadLetterPage(BaseModel):
    """A page, newest first."""

    items: list[DeadLetter]
    next_cursor: str | None


class DeadFrame(BaseModel):
    """One frame with all its dead letters; `payload_base64` only where it was asked for."""

    seq: int
    letters: list[DeadLetter]
    payload_base64: str | None


class Replayed(BaseModel):
    """Where the frame went."""

    seq: int


Operator = Annotated[Principal, Depends(requires(Permission.OPERATE))]
Seq = Annotated[int, Path(ge=1, lt=2**63)]


def router(reader: Reader, engine: Replayer, receipts: Receipts) -> APIRouter:
    """The three endpoints."""
    routes = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

    @routes.get("", summary="What could not be used, newest first")
    async def listing(
        _: Operator,
        reason: Annotated[str | None, Query(max_length=100, description="Only this code, e.g. empty_bed.")] = None,
        waiting: Annotated[bool, Query(description="Leave out what was replayed.")] = False,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        cursor: Annotated[str | None, Query(max_length=100)] = None,
    ) -> DeadLetterPage:
        """Metadata and reasons, no bytes."""
        async with _answers():
            found = await reader.dead_letters(reason=reason, waiting=waiting, limit=limit, cursor=cursor)
        return DeadLetterPage(items=[_letter(row) for row in found.items], next_cursor=found.next_cursor)

    @routes.get("/{seq}", summary="All dead letters of one frame")
    async def show(
        operator: Operator,
        seq: Seq,
        raw: Annotated[bool, Query(description="With the frame's bytes; needs read_identity.")] = False,
    ) -> DeadFrame:
        """The bytes are as they came, in base64."""
        if raw and not operator.may(Permission.READ_IDENTITY):
            raise Problem(403, "forbidden", "The bytes may name a patient: the permission read_identity is needed.")
        rows = await _rows(reader, seq)
        payload = rows[0]["raw"] if raw else None
        if payload is not None:
            _log.info("dead letter read", principal=operator.id, role=operator.role, seq=seq)
        encoded = None if payload is None else base64.b64encode(payload).decode()
        return DeadFrame(seq=seq, letters=[_letter(row) for row in rows], payload_base64=encoded)

    @routes.post("/{seq}/replay", summary="Send one frame through the route again", status_code=202)
    async def replay(operator: Operator, seq: Seq) -> Replayed:
        """Answers once the new frame is on disk. What it becomes shows under its own number."""
        await _rows(reader, seq)
        receipts.check_room()
        try:
            again = engine.replay_frame(seq)
        except CoreError as error:
            code, status, detail = error.args
            raise Problem(status, code, detail) from None
        _log.info("dead letter replayed", principal=operator.id, role=operator.role, seq=seq, replayed_as=again)
        await receipts.durable(again)
        return Replayed(seq=again)

    return routes


async def _rows(reader: Reader, seq: int) -> list[dict[str, Any]]:
    async with _answers():
        rows = await reader.dead_letter(seq)
    if not rows:
        raise Problem(404, "not_found", "No dead letter has this sequence number.")
    return rows


def _letter(row: dict[str, Any]) -> DeadLetter:
    return DeadLetter(**{**row, "source": SOURCES.get(row["source"], str(row["source"]))})


@asynccontextmanager
async def _answers() -> AsyncIterator[None]:
    """What the store raises, as problems."""
    try:
        yield
    except BadCursor:
        raise Problem(422, "invalid_request", "cursor: not one that was given out") from None
    except StoreUnavailable:
        raise Problem(503, "store_unavailable", "The database cannot answer now.") from None
    except StoreError as error:
        raise Problem(500, "internal", "The database refused the query.") from error
