"""What the query API answers: pydantic models, units in names, null where nothing is known."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, PlainSerializer

#: Sequence numbers and ids go beyond 2^53, which JavaScript cannot hold: they travel as decimal strings.
Decimal = Annotated[int, PlainSerializer(str, return_type=str)]


class Identity(BaseModel):
    """Who it is; only for callers with the permission read_identity."""

    authority: str
    identifier: str
    family: str
    given: str
    birth_date: date | None


class Patient(BaseModel):
    """Somebody the route knows."""

    patient_id: UUID
    unit: str | None = Field(description="Present unit; null for who left.")
    bed: str | None
    in_bed_since: datetime | None
    sex: str | None
    age_years: int | None
    first_seen_at: datetime
    last_seen_at: datetime = Field(description="Moves in steps of about a minute.")
    identity: Identity | None = Field(description="Null without the permission or where nothing is known.")


class PatientDetail(Patient):
    """The same, with the stay under way, or the last one."""

    admitted_at: datetime | None
    discharged_at: datetime | None


class Observation(BaseModel):
    """A value held true now."""

    signal: str
    value: float = Field(description="In `unit`.")
    unit: str
    observed_at: datetime
    received_at: datetime
    status: str = Field(description="final, preliminary or corrected.")
    source: str
    seq: Decimal
    ordinal: int


class ScoreInput(BaseModel):
    """One input of a score; value and age are null where it was missing."""

    signal: str
    value: float | None
    age_s: float | None
    points: int | None


class Score(BaseModel):
    """A risk or rule score with what it was made from."""

    model: str
    version: str
    model_sha256: str = Field(description="Hex, or its beginning; empty for rules.")
    scored_at: datetime
    raw: float
    value: float
    band: int
    present: int
    expected: int
    inputs: list[ScoreInput]
    features: list[float | None] | None = Field(description="Only when asked for, in plan order; null is missing.")
    cursor: str = Field(description="Names this score in `/scores/{cursor}/explanation`.")
    seq: Decimal
    ordinal: int


class Reason(BaseModel):
    """One reason for a score: what it knows of one signal, attribute or derived feature."""

    about: str = Field(description="Signal, attribute or derived feature.")
    share: float = Field(description="Sum over its features: log-odds of a model, points of a rule.")
    direction: str = Field(description="raises, lowers or neither.")
    missing: bool = Field(description="The reason is that the value is missing.")
    words: str = Field(description="For a person; names nobody.")


class Alert(BaseModel):
    """An alert as it stands."""

    alert_id: Decimal
    patient_id: UUID | None = Field(description="null where it is about no patient.")
    unit: str | None
    bed: str | None
    cause: str = Field(description="What its rules share: a patient has one alert per cause.")
    rule: str = Field(description="The rule that leads now.")
    subject: str = Field(description="What a technical alert is about: a feed, a channel, a score. Else empty.")
    model: str
    version: str
    state: str = Field(description="open, acknowledged, snoozed, escalated, expired or cleared.")
    state_at: datetime = Field(description="Since when.")
    severity: str
    opened_at: datetime
    opened_value: float | None
    cleared_at: datetime | None
    value: float | None = Field(description="The score at the latest step; null where no score made the alert.")
    by: str = Field(description="Key id of who made the state; empty: the machine.")
    role: str = Field(description="That person's role.")
    to: str = Field(description="The role it was passed on to.")
    note: str = Field(description="That person's own words; of a snooze its reason.")
    until_at: datetime | None = Field(description="When the snooze ends.")
    level: int = Field(description="Steps of the escalation chain taken.")
    held: bool = Field(description="Nobody was notified: storm cap or quiet hours.")
    acknowledged_at: datetime | None = Field(description="The first acknowledgement.")
    answered_by: str | None = Field(description="Key id of who gave it.")
    reason: str
    contributions: list[dict[str, Any]]
    explanation: list[Reason] = Field(description="By signal and in words, most important first.")
    seq: Decimal
    ordinal: int


class PatientPage(BaseModel):
    """A page of patients."""

    items: list[Patient]
    next_cursor: str | None


class ObservationPage(BaseModel):
    """A page of observations."""

    items: list[Observation]
    next_cursor: str | None


class ScorePage(BaseModel):
    """A page of scores."""

    items: list[Score]
    next_cursor: str | None


class AlertPage(BaseModel):
    """A page of alerts."""

    items: list[Alert]
    next_cursor: str | None
