"""`/v1/notifications`: how each channel fares, and what became of the messages about an alert.

No address and no patient is told.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from nightlamp.errors import Problem
from nightlamp.identity.access import requires
from nightlamp.identity.roles import Permission, Principal
from nightlamp.notify.service import Service


class ChannelState(BaseModel):
    """One channel. `waiting` messages are queued or under way; `hanging` attempts outlived their deadline; its delivery
    itself failed and began again `restarts` times."""

    name: str
    service: str
    state: Literal["ok", "failing", "dead", "unused"]
    waiting: int
    hanging: int
    queued: int
    outcomes: dict[str, int]
    failures_in_row: int
    restarts: int
    error: str
    delivered_at_ms: int | None
    failed_at_ms: int | None
    routes: int


class Channels(BaseModel):
    """All of them, in the order of the settings."""

    items: list[ChannelState]
    unreached: list[str]
    """Whom a chain of the policy in force calls and no route reaches, in words."""


class DeliveryRow(BaseModel):
    """What became of one step's message on one channel."""

    cursor: str
    kind: str
    severity: str
    at: datetime
    channel: str
    state: Literal["waiting", "delivered", "failed", "expired", "dropped", "superseded"]
    attempts: int
    error: str
    changed_at: datetime
    delivered_at: datetime | None


class Deliveries(BaseModel):
    """By step, then channel."""

    items: list[DeliveryRow]


Operator = Annotated[Principal, Depends(requires(Permission.OPERATE))]
AlertId = Annotated[str, Query(pattern=r"^\d{1,19}$", description="The alert's id, decimal.")]


def router(service: Service) -> APIRouter:
    """The two endpoints."""
    routes = APIRouter(prefix="/v1/notifications", tags=["notifications"])

    @routes.get("/channels", summary="Notification channels and how they fare")
    async def channels(_: Operator) -> Channels:
        """Counts are of this run."""
        return Channels(items=[ChannelState(**one) for one in service.listing()], unreached=service.reach.unreached)

    @routes.get("/deliveries", summary="What became of the messages about an alert")
    async def deliveries(_: Operator, alert_id: AlertId) -> Deliveries:
        """As the database has it: an attempt under way shows once it has ended."""
        if int(alert_id) >= 1 << 63:
            raise Problem(422, "invalid_request", "alert_id: out of range")
        try:
            rows = await service.of_alert(int(alert_id))
        except Exception as error:  # whatever the driver says
            raise Problem(503, "store_unavailable", "The database cannot answer now.") from error
        return Deliveries(items=[DeliveryRow(cursor=str(row["seq"] << 16 | row["ordinal"]), **row) for row in rows])

    return routes
