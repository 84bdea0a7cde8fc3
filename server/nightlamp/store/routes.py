"""The query API: a patient's observations, scores and alerts with time ranges and pages.

Pseudonyms everywhere (P6); names only for callers with the permission read_identity, only of units a caller may see.
Asked by the pseudonym of a record that was merged into another, they answer for the survivor.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query

from nightlamp.store import views
from nightlamp.store.errors import StoreError, StoreUnavailable
from nightlamp.store.paging import PAGE_MAX, BadCursor, score_cursor
from nightlamp.store.reader import SEVERITIES, SOURCES, STATUSES
from nightlamp.store.store import Store


class Caller(Protocol):
    """What the routes need of a principal."""

    @property
    def units(self) -> frozenset[str] | None:
        """Units it may see; None is all."""
        ...

    def may(self, permission: Any) -> bool:
        """Whether its role has the permission."""
        ...


Require = Callable[[str], Callable[..., Awaitable[Caller]]]

_Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="At most so many items.")]
_Cursor = Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")]
_From = Annotated[datetime | None, Query(alias="from", description="Inclusive; a day before `to` where absent.")]
_To = Annotated[datetime | None, Query(alias="to", description="Exclusive; until now where absent.")]
_Unit = Annotated[str | None, Query(max_length=200)]


def router(store: Store, require: Require) -> APIRouter:
    """`/v1/patients...`. `require(permission)` is a dependency that gives the caller or refuses."""
    routes = APIRouter(prefix="/v1", tags=["store"])
    reader = store.reader
    reading = Annotated[Any, Depends(require("read"))]

    @routes.get("/patients", summary="Who is on the ward")
    async def patients(
        caller: reading,
        unit: _Unit = None,
        gone: Annotated[bool, Query(description="Also who has left.")] = False,
        limit: _Limit = 500,
        cursor: _Cursor = None,
    ) -> views.PatientPage:
        """By pseudonym. Identity is filled only for callers with the permission read_identity."""
        named = caller.may("read_identity")
        async with answers():
            found = await reader.patients(unit=unit, units=units_of(caller), gone=gone, limit=limit, cursor=cursor)
        return views.PatientPage(items=[_patient(row, named) for row in found.items], next_cursor=found.next_cursor)

    @routes.get("/patients/{patient_id}", summary="One patient")
    async def one_patient(caller: reading, patient_id: UUID) -> views.PatientDetail:
        """Where, since when; who, only for callers with the permission read_identity."""
        async with answers():
            row = await reader.one_patient(await seen(store, caller, patient_id))
        if row is None:
            raise HTTPException(404, "No such patient.")
        stay = {"admitted_at": row["admitted_at"], "discharged_at": row["discharged_at"]}
        return views.PatientDetail(**_patient(row, caller.may("read_identity")).model_dump(), **stay)

    @routes.get("/patients/{patient_id}/observations", summary="A patient's values")
    async def observations(
        caller: reading,
        patient_id: UUID,
        signal: Annotated[list[str] | None, Query(max_length=100, description="Names; all where absent.")] = None,
        since: _From = None,
        until: _To = None,
        limit: _Limit = 1_000,
        cursor: _Cursor = None,
    ) -> views.ObservationPage:
        """Newest first; corrected values stand for what they replace, withdrawn ones are left out."""
        begin, end = time_range(since, until)
        async with answers():
            patient_id = await seen(store, caller, patient_id)
            found = await reader.observations(patient_id, begin, end, signals=signal, limit=limit, cursor=cursor)
        return views.ObservationPage(items=[_observation(row) for row in found.items], next_cursor=found.next_cursor)

    @routes.get("/patients/{patient_id}/scores", summary="A patient's scores")
    async def scores(
        caller: reading,
        patient_id: UUID,
        model: Annotated[str | None, Query(max_length=200)] = None,
        features: Annotated[bool, Query(description="With the feature rows.")] = False,
        since: _From = None,
        until: _To = None,
        limit: _Limit = 1_000,
        cursor: _Cursor = None,
    ) -> views.ScorePage:
        """Newest first, each with model, version, hash and inputs with their ages (P9)."""
        begin, end = time_range(since, until)
        async with answers():
            patient_id = await seen(store, caller, patient_id)
            found = await reader.scores(patient_id, begin, end, model=model, limit=limit, cursor=cursor)
        return views.ScorePage(items=[_score(row, features) for row in found.items], next_cursor=found.next_cursor)

    @routes.get("/patients/{patient_id}/alerts", summary="A patient's alerts")
    async def alerts_of_patient(
        caller: reading,
        patient_id: UUID,
        open: Annotated[bool | None, Query(description="Only open or only cleared.")] = None,
        since: Annotated[datetime | None, Query(alias="from")] = None,
        until: Annotated[datetime | None, Query(alias="to")] = None,
        limit: _Limit = 500,
        cursor: _Cursor = None,
    ) -> views.AlertPage:
        """Newest first; the range is of opening times. Notes are for callers with the permission read_identity."""
        words = caller.may("read_identity")
        async with answers():
            patient_id = await seen(store, caller, patient_id)
            found = await reader.alerts(
                patient_id=patient_id, open=open, since=aware(since), until=aware(until), limit=limit, cursor=cursor
            )
        return views.AlertPage(
            items=[views.Alert(**alert_fields(row, words=words)) for row in found.items], next_cursor=found.next_cursor
        )

    return routes


@asynccontextmanager
async def answers() -> AsyncIterator[None]:
    """What the store raises, as HTTP answers."""
    try:
        yield
    except BadCursor:
        raise HTTPException(422, "cursor: not one that was given out") from None
    except StoreUnavailable:
        raise HTTPException(503, "The database cannot answer now.", {"Retry-After": "1"}) from None
    except StoreError as error:
        raise HTTPException(500, "The database refused the query.") from error


async def seen(store: Store, caller: Caller, patient_id: UUID) -> UUID:
    """Whose record it is: the patient's own, or that of the survivor where it was merged into another.

    404 for a patient who is not known or lies outside the caller's units: the two must look the same.
    """
    found = await store.reader.patient(patient_id)
    if found is None or (caller.units is not None and found[1] not in caller.units):
        raise HTTPException(404, "No such patient.")
    return found[0]


def units_of(caller: Caller) -> list[str] | None:
    """The wards a caller may see, None for all."""
    return None if caller.units is None else sorted(caller.units)


def aware(at: datetime | None) -> datetime | None:
    """A time without a zone is UTC."""
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise HTTPException(422, "from, to: out of range") from None


def time_range(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """Device clocks may run up to five minutes ahead (limits), so an open end lies a little in the future."""
    end = aware(until) or datetime.now(UTC) + timedelta(minutes=10)
    try:
        begin = aware(since) or end - timedelta(days=1)
    except OverflowError:
        raise HTTPException(422, "to: out of range") from None
    return begin, end


def _patient(row: dict[str, Any], named: bool) -> views.Patient:
    identity = None
    if named and row["identifier"] is not None:
        identity = views.Identity(**row, birth_date=row["birth_day"])
    return views.Patient(**row, identity=identity)


def _observation(row: dict[str, Any]) -> views.Observation:
    return views.Observation(**{**row, "status": STATUSES[row["status"]], "source": SOURCES[row["source"]]})


def _score(row: dict[str, Any], features: bool) -> views.Score:
    columns = zip(row["input_names"] or [], row["input_values"], row["input_ages_s"], row["input_points"], strict=True)
    inputs = [views.ScoreInput(signal=s, value=v, age_s=a, points=p) for s, v, a, p in columns]
    values = [None if isnan(value) else value for value in row["features"]] if features else None
    cursor = score_cursor(row["scored_at"], row["seq"], row["ordinal"])
    named = {"model_sha256": row["model_sha256"].hex(), "cursor": cursor, "inputs": inputs, "features": values}
    return views.Score(**{**row, **named})


def alert_fields(row: dict[str, Any], *, words: bool) -> dict[str, Any]:
    """A row of the view `alerts` as the fields of `views.Alert`. The note may name somebody: blank without `words`."""
    said = {"by": row["by_key"], "role": row["by_role"], "to": row["to_role"], "severity": SEVERITIES[row["severity"]]}
    said["note"] = row["note"] if words else ""
    values = {name: None if isnan(row[name]) else row[name] for name in ("value", "opened_value")}
    return {**row, **said, **values}
