"""What a past looks like: pydantic models of the API's and the command's answer. Null is unknown, never zero."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, PlainSerializer

#: Sequence numbers go beyond 2^53, which JavaScript cannot hold: they travel as decimal strings.
Decimal = Annotated[int, PlainSerializer(str, return_type=str)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SignalThen(BaseModel):
    """The newest value of a signal at that time."""

    signal: str
    unit: str
    value: float
    observed_at: datetime
    age_s: float = Field(description="From observation to that time.")


class InputThen(BaseModel):
    """One input of a score; `value` is null where it was missing, and `age_s` where it had never been observed."""

    signal: str
    unit: str
    value: float | None
    age_s: float | None
    points: int | None


class ScoreThen(BaseModel):
    """A score of the past, from the journal."""

    origin: Literal["stored", "computed"] = Field(
        description="stored: the route gave it a row then; computed: no row, what the scorer says of that very time."
    )
    model: str
    version: str
    model_sha256: str = Field(description="Hex; empty for rules.")
    kind: Literal["rule", "model"]
    scored_at: datetime
    seq: Decimal = Field(description="The frame that caused it; of a computed one the last frame taken in.")
    ordinal: int
    raw: float | None = Field(description="Null, as value, where the scorer gives no score: see `why_not`.")
    value: float | None
    band: int
    present: int
    expected: int
    inputs: list[InputThen]
    features: list[float | None] | None = Field(description="Only when asked for, in plan order; null is missing.")
    contributions: list[dict[str, Any]] = Field(description="By feature, most important first.")
    explanation: list[dict[str, Any]] = Field(description="By signal and in words, most important first.")
    why_not: str | None = Field(description="Why the scorer gives no score.")
    last_stored_at: datetime | None = Field(description="When this scorer's newest row until then was given.")
    matches_stored: bool | None = Field(
        description="Whether the stored row is the same bit for bit; null where there is none to compare with."
    )
    stored_row: Literal["found", "missing", "not_yet", "forgotten", "unknown", "none"] = Field(
        description="The row: found; missing though it should be there; not stored yet; forgotten by retention; "
        "unknown (the database did not answer, or was not asked); none, because a computed score has none."
    )


class AlertThen(BaseModel):
    """An alert that was not cleared at that time."""

    alert_id: Decimal
    cause: str
    rule: str
    subject: str
    state: str
    state_at: datetime
    model: str
    version: str
    severity: str
    unit: str | None
    bed: str | None
    opened_at: datetime
    opened_value: float | None
    reason: str
    contributions: list[dict[str, Any]]
    explanation: list[dict[str, Any]]


class ModelId(BaseModel):
    """A model that was in use then and is not on this machine: nothing is said in its name."""

    name: str
    version: str
    sha256: str


class HowFound(BaseModel):
    """What the replay took."""

    from_seq: Decimal = Field(description="The snapshot it began with; 0 is the journal's beginning.")
    frames: int
    companions: int = Field(description="Patients computed beside, for their order numbers in shared frames.")


class Past(BaseModel):
    """One patient as known at one time."""

    patient_id: UUID
    at: datetime
    seq: Decimal = Field(description="The last frame taken in.")
    received_at: datetime = Field(description="Its receipt.")
    unit: str | None
    bed: str | None
    discharged_at: datetime | None
    signals: list[SignalThen]
    scores: list[ScoreThen]
    alerts: list[AlertThen]
    missing_models: list[ModelId]
    not_reproduced: list[str] = Field(
        description="Models with a stored row of that frame that the replay did not give."
    )
    replay: HowFound


def time_of(at_us: int) -> datetime:
    """Microseconds since 1970-01-01 UTC as a time."""
    return _EPOCH + timedelta(microseconds=at_us)


def us_of(at: datetime) -> int:
    """The reverse, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def past(patient_id: UUID, told: dict[str, Any], *, scorer: str | None, features: bool) -> Past:
    """The view of what Rust tells, before it is compared with the store; `scorer` leaves out all others."""
    scores = [_score(one, features) for one in told["scores"] if scorer is None or one["model"] == scorer]
    discharged_us = told["discharged_at_us"]
    return Past(
        **{key: told[key] for key in ("seq", "unit", "bed", "missing_models", "replay")},
        patient_id=patient_id,
        at=time_of(told["at_us"]),
        received_at=time_of(told["received_at_us"]),
        discharged_at=None if discharged_us is None else time_of(discharged_us),
        signals=[SignalThen(**one, observed_at=time_of(one["observed_at_us"])) for one in told["signals"]],
        scores=scores,
        alerts=[_alert(one) for one in told["alerts"]],
        not_reproduced=[],
    )


def _alert(told: dict[str, Any]) -> AlertThen:
    times = {"opened_at": time_of(told["opened_at_us"]), "state_at": time_of(told["state_at_us"])}
    return AlertThen(**told, **times)


def _score(told: dict[str, Any], features: bool) -> ScoreThen:
    last_us = told["last_stored_at_us"]
    return ScoreThen(
        **{
            **told,
            "features": told["features"] if features else None,
            "scored_at": time_of(told["scored_at_us"]),
            "last_stored_at": None if last_us is None else time_of(last_us),
            "matches_stored": None,
            "stored_row": "unknown" if told["origin"] == "stored" else "none",
        }
    )
