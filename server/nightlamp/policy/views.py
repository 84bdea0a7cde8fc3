"""What `/v1/policy` takes and gives."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nightlamp.alerting.views import Words
from nightlamp.policy.checking import TEXT_BYTES_MAX

Text = Annotated[str, StringConstraints(max_length=TEXT_BYTES_MAX)]


class ToCheck(BaseModel):
    """A policy that nobody is woken by yet."""

    model_config = ConfigDict(extra="forbid")

    text: Text = Field(description="The policy, TOML.")


class ToLoad(ToCheck):
    """A policy to be put in force."""

    note: Words = Field("", description="Why, in the person's own words; kept with the change.")


class Policy(BaseModel):
    """What opens an alert here, and what follows when nobody answers."""

    source: Literal["default", "file", "api"] = Field(
        description="The one nightlamp carries, the settings' policy_file, or loaded by somebody."
    )
    sha256: str = Field(description="Of the text, hex; also the ETag.")
    text: str = Field(description="The TOML with its comments.")
    content: dict[str, Any] = Field(description="The same, parsed: tables by name.")
    seq: int | None = Field(
        description="The frame that put it in force; null in a journal that an older version began."
    )
    at: datetime | None = Field(description="When.")
    by: str | None = Field(description="Id of the key that loaded it; file where a start adopted the settings' own.")
    note: str | None = Field(description="Why, in that person's words.")
    notes: list[str] = Field(
        description="Rules left out because their score is not loaded; calls to roles that may not answer."
    )


class Usable(BaseModel):
    """The engine would take it."""

    sha256: str
    notes: list[str] = Field(
        description="Rules left out because their score is not loaded; calls to roles that may not answer."
    )


class Loaded(Usable):
    """It is on disk: in force for all that follows this frame."""

    seq: int


class Change(BaseModel):
    """One change of the policy."""

    seq: int
    at: datetime
    by: str
    note: str
    sha256: str
    text: str | None = Field(description="Left out where it was not asked for.")
    refused: str = Field(description="Why it was not put in force; empty where it was.")


class Changes(BaseModel):
    """A page, newest first."""

    items: list[Change]
    next_cursor: str | None
