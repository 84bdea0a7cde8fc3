"""`GET /v1/patients/{id}/as-of`: one patient as known at a past time. Permission and units as for scores."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Query

from nightlamp.errors import Problem
from nightlamp.identity.access import requires
from nightlamp.identity.roles import Permission, Principal
from nightlamp.store import Store, StoreError, StoreUnavailable

from .service import AsOf
from .views import Past, us_of

_log = structlog.get_logger("nightlamp.audit")
Viewer = Annotated[Principal, Depends(requires(Permission.READ))]


def router(as_of: AsOf, store: Store) -> APIRouter:
    """The one endpoint."""
    routes = APIRouter(prefix="/v1", tags=["as it was"])

    @routes.get("/patients/{patient_id}/as-of", summary="A patient as known at a past time")
    async def past(
        viewer: Viewer,
        patient_id: UUID,
        at: Annotated[datetime | None, Query(description="RFC 3339 with offset; up to microseconds.")] = None,
        seq: Annotated[int | None, Query(ge=1, lt=2**63, description="After this frame, instead of `at`.")] = None,
        scorer: Annotated[str | None, Query(max_length=200, description="Only this rule or model.")] = None,
        features: Annotated[bool, Query(description="With the feature rows.")] = False,
    ) -> Past:
        """From the journal: values and ages, scores with inputs and contributions, open alerts, and whether what was
        stored is the same bit for bit. `at` is a receipt time: the frames up to the last one received by then count.
        404 where nobody knew the patient then, 409 where the scorer asked for is not here any more, 410 where the
        journal does not reach back, 503 while another past is being computed. A record that was merged by then is shown
        as the survivor (`patient_id` says who), before the merge as it was known then: on its own."""
        at_us = _checked(at, seq)
        await _seen(store, viewer, patient_id)
        _log.info(
            "as of", principal=viewer.id, role=viewer.role, patient=str(patient_id), at=at and at.isoformat(), seq=seq
        )
        return await as_of.past(patient_id, at_us=at_us, seq=seq, scorer=scorer, features=features)

    return routes


def _checked(at: datetime | None, seq: int | None) -> int | None:
    """`at` in microseconds. Raises a 422 Problem that says what was expected."""
    if (at is None) == (seq is None):
        raise Problem(422, "invalid_request", "query: give either at or seq")
    if at is None:
        return None
    if at.tzinfo is None:
        raise Problem(422, "invalid_request", "query.at: give the time with its offset, such as 2026-03-01T12:30:00Z")
    if at > datetime.now(UTC):
        raise Problem(422, "invalid_request", "query.at: lies in the future")
    at_us = us_of(at)
    if at_us < 0:
        raise Problem(404, "not_known_then", "nothing had been received yet")
    return at_us


async def _seen(store: Store, viewer: Principal, patient_id: UUID) -> None:
    """404 for a patient who is not known or lies outside the caller's units: the two must look the same."""
    try:
        found = await store.reader.patient(patient_id)
    except StoreUnavailable:
        raise Problem(503, "store_unavailable", "The database cannot answer now.") from None
    except StoreError as error:
        raise Problem(500, "internal", "The database refused the query.") from error
    if found is None or not viewer.may_see(found[1]):
        raise Problem(404, "not_found", "No such patient.")
