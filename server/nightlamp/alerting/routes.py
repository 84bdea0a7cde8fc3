"""`/v1/alerts`: reading needs the permission `read`, acting `act`; both only in the units a caller may see.

Who looks after the server (`operate`) reads and acts on alerts about no patient, and only those. What is about no
patient and in no unit (a feed, a channel) is seen and answered by callers of every unit.

An alert that is not the caller's looks like one that does not exist (404). Asked by patient, the patient decides: who
may see him or her is told every alert, also those of units he or she lay in before. Whether an alert can still be acted
on is asked of the engine, so that a database that is away holds up nobody at the bedside. The store is asked of one the
engine does not have, and, where it is the caller's only if it is about no patient, whether it is (503 while it lags).
"""

import time
from datetime import datetime
from math import isnan
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from nightlamp.alerting import views
from nightlamp.alerting.actions import Actions
from nightlamp.errors import Problem
from nightlamp.identity.access import requires_any
from nightlamp.identity.roles import Permission, Principal
from nightlamp.store import Store
from nightlamp.store.alerts import AlertReader
from nightlamp.store.reader import ALERT_KINDS, SEVERITIES
from nightlamp.store.routes import alert_fields, answers, aware, seen, units_of

PAGE_MAX = 500
#: Steps of each alert: of a list, and of one alone. An alert that nobody answers is reminded of for ever.
STEPS_MAX, STEPS_OF_ONE_MAX = 200, 5_000
ID_MAX = 2**63
AlertId = Annotated[str, Path(pattern="^[0-9]{1,19}$", description="The alert's id, a decimal.")]
Reading = Annotated[Principal, Depends(requires_any(Permission.READ, Permission.OPERATE))]
Acting = Annotated[Principal, Depends(requires_any(Permission.ACT, Permission.OPERATE))]
_MINUTE_US = 60_000_000


def router(store: Store, actions: Actions) -> APIRouter:
    """The six endpoints."""
    routes = APIRouter(prefix="/v1/alerts", tags=["alerts"])
    reader = AlertReader(store.reader)
    _reading(routes, store, reader)
    _acting(routes, reader, actions)
    return routes


def _reading(routes: APIRouter, store: Store, reader: AlertReader) -> None:
    @routes.get("", summary="Alerts with their history")
    async def listing(
        caller: Reading,
        unit: Annotated[str | None, Query(max_length=200)] = None,
        state: Annotated[views.State | None, Query(description="active: not cleared.")] = None,
        patient: Annotated[
            UUID | Literal["none"] | None, Query(description="All of this one's; none: about no patient.")
        ] = None,
        open: Annotated[bool | None, Query(description="Not cleared, or cleared.")] = None,
        since: Annotated[datetime | None, Query(alias="from")] = None,
        until: Annotated[datetime | None, Query(alias="to")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 200,
        cursor: Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")] = None,
        history: Annotated[bool, Query(description="With the steps of each, the newest 200.")] = True,
    ) -> views.Alerts:
        """What is not cleared first, each newest first; the range is of opening times, the unit the newest.

        A caller without the permission `read` gets those about no patient, and 403 where it asks for a patient's.
        """
        if not caller.may(Permission.READ):
            if patient not in (None, "none"):
                raise Problem(403, "forbidden", f"The role {caller.role} may not read alerts about patients.")
            patient = "none"
        if state is None and open is not None:
            state = "active" if open else "cleared"
        whose, units = None, units_of(caller)
        async with answers():
            if isinstance(patient, UUID):
                whose, units = await seen(store, caller, patient), None
            wanted = (whose, unit, units, aware(since), aware(until))
            found = await reader.by_need(wanted, state, limit, cursor, loose=patient == "none")
            steps = await reader.history([row["alert_id"] for row in found.items], STEPS_MAX) if history else {}
        told = [(row, steps.get(row["alert_id"], []) if history else None) for row in found.items]
        items = [_alert(row, of_it, STEPS_MAX, caller) for row, of_it in told]
        return views.Alerts(items=items, next_cursor=found.next_cursor)

    @routes.get("/{alert_id}", summary="One alert with its history")
    async def show(caller: Reading, alert_id: AlertId) -> views.AlertWithHistory:
        """Its steps in order, the newest 5,000."""
        number = _number(alert_id)
        row = await _row(reader, number)
        if row is None or not caller.may_read_alert(row["unit"] or "", about_patient=_about_patient(row)):
            raise _unknown()
        async with answers():
            steps = await reader.history([number], STEPS_OF_ONE_MAX)
        return _alert(row, steps.get(number, []), STEPS_OF_ONE_MAX, caller)


def _acting(routes: APIRouter, reader: AlertReader, actions: Actions) -> None:
    async def take(person: Principal, alert_id: str, action: str, **said: Any) -> views.Taken:
        number = _number(alert_id)
        await _check(person, number, reader, actions)
        seq = await actions.of_person(person, action, number, **said)
        return views.Taken(seq=seq, alert_id=number)

    @routes.post("/{alert_id}/acknowledge", summary="I have seen it")
    async def acknowledge(person: Acting, alert_id: AlertId, said: views.Acknowledge | None = None) -> views.Taken:
        """Ends escalation and snooze. It clears when its condition ends, not before."""
        return await take(person, alert_id, "acknowledge", note=said.note if said else "")

    @routes.post("/{alert_id}/snooze", summary="Not now, because ...")
    async def snooze(person: Acting, alert_id: AlertId, said: views.Snooze) -> views.Taken:
        """It escalates and reminds nobody until its time is over, or its severity rises."""
        until_us = time.time_ns() // 1_000 + said.minutes * _MINUTE_US
        return await take(person, alert_id, "snooze", reason=said.reason, until_us=until_us)

    @routes.post("/{alert_id}/unsnooze", summary="Now after all")
    async def unsnooze(person: Acting, alert_id: AlertId, said: views.Unsnooze | None = None) -> views.Taken:
        """It waits for an answer anew."""
        return await take(person, alert_id, "unsnooze", note=said.note if said else "")

    @routes.post("/{alert_id}/escalate", summary="Somebody else must see it")
    async def escalate(person: Acting, alert_id: AlertId, said: views.Escalate) -> views.Taken:
        """Passed on to a role; it waits for an answer anew and goes on from that role's place in the chain."""
        return await take(person, alert_id, "escalate", to=said.to, note=said.note)


async def _check(person: Principal, alert_id: int, reader: AlertReader, actions: Actions) -> None:
    """404 for an alert that is not this person's to answer, 409 for a cleared one, 503 for one not stored yet."""
    unit = actions.engine.alert_unit(alert_id)
    if unit is not None:
        if person.may_answer_alert(unit, about_patient=True):
            return
        if not person.may_answer_alert(unit, about_patient=False):
            raise _unknown()
    row = await _row(reader, alert_id)
    if row is None and unit is not None:
        raise Problem(503, "not_stored_yet", "The database does not have this alert yet; try again.")
    there = unit if unit is not None or row is None else row["unit"] or ""
    if row is None or there is None or not person.may_answer_alert(there, about_patient=_about_patient(row)):
        raise _unknown()
    if unit is None and row["state"] == "cleared":
        raise Problem(409, "not_open", "The alert was cleared meanwhile: its condition has ended.")


async def _row(reader: AlertReader, alert_id: int) -> views.Row | None:
    async with answers():
        return await reader.one(alert_id)


def _about_patient(row: views.Row) -> bool:
    return row["patient_id"] is not None


def _number(alert_id: str) -> int:
    number = int(alert_id)
    if number >= ID_MAX:
        raise _unknown()
    return number


def _unknown() -> Problem:
    return Problem(404, "not_found", "No such alert.")


def _alert(row: views.Row, steps: list[views.Row] | None, steps_max: int, caller: Principal) -> views.AlertWithHistory:
    """Notes are blank for who may not see names: they are what people wrote."""
    words = caller.may(Permission.READ_IDENTITY)
    told = None if steps is None else [_step(step, words) for step in steps[-steps_max:]]
    cut = len(steps or ()) > steps_max
    return views.AlertWithHistory(**alert_fields(row, words=words), history=told, history_cut=cut)


def _step(row: views.Row, words: bool) -> views.Step:
    said = {"by": row["by_key"], "role": row["by_role"], "to": row["to_role"], "note": row["note"] if words else ""}
    named = {"kind": ALERT_KINDS[row["kind"]], "severity": SEVERITIES[row["severity"]]}
    value = None if isnan(row["value"]) else row["value"]
    return views.Step(**{**row, **said, **named, "value": value})
