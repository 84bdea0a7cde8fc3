"""`/v1/figures/alerts`: alert burden of units over a time of at most 92 days."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field

from nightlamp.errors import Problem
from nightlamp.figures.alerts import as_json, burdens, kept_since, together
from nightlamp.identity.access import requires_any
from nightlamp.identity.roles import Permission, Principal
from nightlamp.settings import Settings
from nightlamp.store import Store
from nightlamp.store.routes import answers, aware, units_of

SPAN_MAX, SPAN = timedelta(days=92), timedelta(days=7)


class Severities(BaseModel):
    """Alerts about patients by severity at opening."""

    high: int
    medium: int
    low: int


class Counts(BaseModel):
    """Alerts that were ever ... ; `held`: shown, but nobody notified."""

    held: int
    acknowledged: int
    snoozed: int
    escalated: int
    expired: int
    cleared: int


class Shares(BaseModel):
    """The same, of all alerts; null where there were none."""

    held: float | None
    acknowledged: float | None
    snoozed: float | None
    escalated: float | None
    expired: float | None
    cleared: float | None


class AcknowledgedAfter(BaseModel):
    """Seconds from opening to the first acknowledgement, of those acknowledged; null where none was."""

    median: float | None
    p90: float | None


class PredictiveValue(BaseModel):
    """Positive predictive value: `followed` by an outcome, of `judged` whose time for one is over."""

    value: float | None
    followed: int
    judged: int
    why_not: str | None


class UnitFigures(BaseModel):
    """One unit, by the bed at opening; the empty name is alerts outside any bed."""

    unit: str
    patient_days: float
    alerts: int
    by_severity: Severities
    technical: int
    per_patient_day: float | None
    counts: Counts
    shares: Shares
    acknowledged_after_s: AcknowledgedAfter
    ppv: PredictiveValue


class AlertFigures(BaseModel):
    """All units asked for, and their sum."""

    since: datetime = Field(description="As asked for, but never before `kept_since`.")
    until: datetime
    kept_since: datetime | None = Field(
        description="Alerts from before may be forgotten (database.alerts_keep_days); null where all are kept."
    )
    outcome: str
    items: list[UnitFigures]
    all: UnitFigures


def router(store: Store, settings: Settings) -> APIRouter:
    """The endpoint (permission read or operate: no patient is in it)."""
    routes = APIRouter(prefix="/v1/figures", tags=["figures"])

    @routes.get("/alerts", summary="Alert burden by unit")
    async def alerts(
        caller: Annotated[Principal, Depends(requires_any(Permission.READ, Permission.OPERATE))],
        unit: Annotated[str | None, Query(max_length=200)] = None,
        since: Annotated[
            datetime | None, Query(alias="from", description="Inclusive; 7 days before `to` where absent.")
        ] = None,
        until: Annotated[
            datetime | None, Query(alias="to", description="Exclusive; now where absent or later.")
        ] = None,
    ) -> AlertFigures:
        """Alerts opened in the time, by the unit of the bed at opening; at most 500 units. Where cleared alerts are
        kept only for a time, the answer begins there (`since`): 410 where all that is asked for lies before it."""
        now, figures = datetime.now(UTC), settings.figures
        begin, end = _range(since, until, now)
        kept = kept_since(settings, now)
        if kept is not None and end <= kept:
            days = settings.database.alerts_keep_days
            raise Problem(410, "forgotten", f"to: cleared alerts are kept for {days} days (database.alerts_keep_days)")
        begin = begin if kept is None else max(begin, kept)
        async with answers():
            found = await burdens(store.reader, figures, begin, end, unit=unit, units=units_of(caller), now=now)
        where = ", ".join(figures.outcome_units) or "no unit is named"
        return AlertFigures(
            since=begin,
            until=end,
            kept_since=kept,
            outcome=f"a move into a unit of higher care ({where}) within {figures.outcome_h} h of the opening",
            items=[UnitFigures(**as_json(one, figures)) for one in found],
            all=UnitFigures(**as_json(together(found), figures)),
        )

    return routes


def _range(since: datetime | None, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """A time without a zone is UTC; what lies ahead has no figures: it ends now at the latest."""
    try:
        end = min(aware(until) or now, now)
        begin = aware(since) or end - SPAN
        if not timedelta(0) < end - begin <= SPAN_MAX:
            raise HTTPException(422, f"from, to: at most {SPAN_MAX.days} days, from before to")
    except OverflowError:
        raise HTTPException(422, "from, to: out of range") from None
    return begin, end
