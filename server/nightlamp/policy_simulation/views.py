"""What the API says of simulations."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from nightlamp.policy.checking import TEXT_BYTES_MAX

from .difference import TOLERANCE_S

SECONDS_A_DAY = 86_400


class ToSimulate(BaseModel):
    """A policy to try."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    text: str = Field(max_length=TEXT_BYTES_MAX, description="The policy, TOML.")
    against: str | None = Field(
        None, max_length=TEXT_BYTES_MAX, description="Compare with this policy instead of the one in force."
    )
    since: AwareDatetime | None = Field(
        None, alias="from", description="As far back as the journal reaches, if absent."
    )
    until: AwareDatetime | None = Field(None, alias="to", description="Exclusive; until now, if absent.")
    tolerance_s: float = Field(
        TOLERANCE_S, ge=0, le=SECONDS_A_DAY, description="Openings so far apart are still one alert, seconds."
    )


class Begun(BaseModel):
    """It runs; `GET /v1/policy/simulation` says how far it is."""

    id: str


class UnderWay(BaseModel):
    """A simulation that runs."""

    id: str
    by: str = Field(description="Id of the key that asked for it.")
    began_at: datetime
    done: int = Field(description="Frames replayed.")
    total: int = Field(description="Frames to replay; 0 before it begins.")


class Ended(BaseModel):
    """A simulation that ended."""

    id: str
    by: str
    began_at: datetime
    error: str | None = Field(description="Why there is no result.")
    result: dict[str, Any] | None = Field(
        description="made_at, seconds, source, outcome; figures of the current policy and the candidate, each in all, "
        "by unit, severity and rule (alerts, per_100_patient_days, ppv, lead_h); difference by cause."
    )


class State(BaseModel):
    """The simulation under way, and the last that ended."""

    running: UnderWay | None
    last: Ended | None
