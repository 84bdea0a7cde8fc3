"""`/v1/patients/{patient}/history`: a stretch of a stay, small enough to draw.

The stretch is cut into `points` buckets of equal width. Each signal and score says of each bucket its least, largest
and last value and when the last one was; a bucket without a value is null, so that what was not measured shows as a
gap. No value is averaged or carried forward. Rows are those held true now: corrections count, withdrawn values do not.

Limits: 2 to 2,000 points, 400 days, 64 signals. Beyond 200,000 values (about 7 hours of eight signals at 1 Hz) only the
last value of each bucket is looked up; then `extremes` is false, `low` and `high` are null, and a drawing must say so.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field

from nightlamp.identity.access import requires
from nightlamp.identity.roles import Permission, Principal
from nightlamp.store import Store
from nightlamp.store.routes import answers, seen, time_range

POINTS_MAX, SIGNALS_MAX = 2_000, 64
RANGE_MAX = timedelta(days=400)


class Course(BaseModel):
    """What is known of each bucket; all lists have `points` entries, null where nothing was measured."""

    low: list[float | None]
    high: list[float | None]
    last: list[float | None]
    last_at_ms: list[int | None] = Field(description="When the last value of the bucket was observed or scored.")


class SignalCourse(Course):
    """A signal's values, in `unit`."""

    signal: str
    unit: str


class ScoreCourse(Course):
    """A rule's points or a model's probability."""

    model: str


class History(BaseModel):
    """A stretch of a patient's stay. Only signals and scores with a value in it are listed."""

    patient_id: UUID
    from_ms: int = Field(description="Where the first bucket begins.")
    to_ms: int = Field(description="Where the last bucket ends.")
    points: int
    extremes: bool = Field(description="Whether the signals' `low` and `high` are known.")
    signals: list[SignalCourse]
    scores: list[ScoreCourse]


def router(store: Store) -> APIRouter:
    """The route, for callers with the permission read, of units they may see."""
    routes = APIRouter(prefix="/v1", tags=["store"])

    @routes.get("/patients/{patient_id}/history", summary="A stretch of a stay, to be drawn")
    async def history(
        caller: Annotated[Principal, Depends(requires(Permission.READ))],
        patient_id: UUID,
        signals: Annotated[
            str | None, Query(max_length=2_000, description="Names with commas between; all where absent.")
        ] = None,
        points: Annotated[int, Query(ge=2, le=POINTS_MAX)] = 400,
        since: Annotated[datetime | None, Query(alias="from", description="A day before `to` where absent.")] = None,
        until: Annotated[datetime | None, Query(alias="to", description="Exclusive; until now where absent.")] = None,
    ) -> History:
        """Least, largest and last value of each bucket; gaps are null."""
        begin, end = time_range(since, until)
        if not timedelta() < end - begin <= RANGE_MAX:
            raise HTTPException(422, f"from, to: a range of more than 0 and at most {RANGE_MAX.days} days")
        names = None if signals is None else [name for name in signals.split(",") if name]
        if names is not None and len(names) > SIGNALS_MAX:
            raise HTTPException(422, f"signals: at most {SIGNALS_MAX}")
        async with answers():
            patient_id = await seen(store, caller, patient_id)
            values, extremes = await store.reader.history(patient_id, begin, end, names, points)
            scored = await store.reader.score_history(patient_id, begin, end, points)
        return History(
            patient_id=patient_id,
            from_ms=_ms(begin),
            to_ms=_ms(end),
            points=points,
            extremes=extremes,
            signals=[
                SignalCourse(signal=signal, unit=unit, **course)
                for (signal, unit), course in _courses(values, ("signal", "unit"), points)
            ],
            scores=[ScoreCourse(model=model, **course) for (model,), course in _courses(scored, ("model",), points)],
        )

    return routes


def _courses(rows: list[Any], key: tuple[str, ...], points: int) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Rows by what they tell of, as lists with a place for every bucket."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        of = tuple(row[name] for name in key)
        course = found.get(of)
        if course is None:
            course = found[of] = {name: [None] * points for name in ("low", "high", "last", "last_at_ms")}
        # The last bucket's far edge may round to one more.
        place = min(row["bucket"], points - 1)
        for name in ("low", "high", "last"):
            course[name][place] = row[name]
        course["last_at_ms"][place] = _ms(row["last_at"])
    return list(found.items())


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1_000)
