"""What `/v1/alerts` takes and gives. Ids are decimal strings: they do not fit JavaScript's numbers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from nightlamp.identity.roles import Role
from nightlamp.store import views

NOTE_MAX, SNOOZE_MINUTES_MAX = 500, 480
#: `ROLES` of core_rs/src/alert/chain.rs: who can be called.
PEOPLE = tuple(role.value for role in Role if role not in {Role.DEVICE, Role.EHR})
State = Literal["open", "acknowledged", "snoozed", "escalated", "expired", "cleared", "active"]


def _printable(text: str) -> str:
    if not all(character.isprintable() or character in "\n\t" for character in text):
        raise ValueError("no control characters")
    return text


def _person(role: str) -> str:
    if role not in PEOPLE:
        raise ValueError(f"one of {', '.join(PEOPLE)}")
    return role


Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=NOTE_MAX), AfterValidator(_printable)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Acknowledge(_Said):
    """Somebody has seen it."""

    note: Words = ""


class Snooze(_Said):
    """Put off, with a reason."""

    reason: Annotated[Words, StringConstraints(min_length=1)]
    minutes: Annotated[int, Field(ge=1, le=SNOOZE_MINUTES_MAX, strict=True)]


class Unsnooze(_Said):
    """Not put off any longer."""

    note: Words = ""


class Escalate(_Said):
    """Passed on by hand."""

    to: Annotated[str, AfterValidator(_person)]
    note: Words = ""


class Taken(BaseModel):
    """The action is on disk as this frame. What it did shows in the alert's history."""

    seq: int
    alert_id: views.Decimal


class Step(BaseModel):
    """One step in an alert's life."""

    seq: views.Decimal
    ordinal: int
    kind: str
    at: datetime
    rule: str
    severity: str
    value: float | None
    reason: str
    by: str
    role: str
    to: str
    note: str
    until_at: datetime | None
    level: int
    held: bool
    unit: str | None
    bed: str | None


class AlertWithHistory(views.Alert):
    """An alert as it stands, with its steps in order, the newest where there are many; null where not asked for."""

    history: list[Step] | None
    history_cut: bool
    """There are older steps than these."""


class Alerts(BaseModel):
    """A page: what is not cleared first, each newest first."""

    items: list[AlertWithHistory]
    next_cursor: str | None


Row = dict[str, Any]
