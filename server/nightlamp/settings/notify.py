"""Notifications: which alerts go to whom, over which channels, in which words, and how hard delivery tries.

A channel's address holds its secret. It is named here by an environment variable or a file, never written here.
"""

import re
from pathlib import Path
from string import Formatter
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from .section import Section

Severity = Literal["high", "medium", "low", "technical"]
Kind = Literal[
    "opened",
    "cleared",
    "acknowledged",
    "snoozed",
    "unsnoozed",
    "escalated",
    "reminded",
    "expired",
    "raised",
    "lowered",
    "moved",
]
#: What a template may name. No field of it can hold a patient's identity or a person's free text.
TEMPLATE_FIELDS = frozenset(
    {"what", "severity", "kind", "rule", "unit", "bed", "subject", "time", "reason", "link", "to", "by_role"}
)
#: Whom a chain of the alert policy can call (`ROLES` of core_rs/src/alert/chain.rs).
ROLES = ("nurse", "physician", "charge_nurse", "data_scientist", "sre", "admin")
CHANNELS_MAX, ROUTES_MAX = 32, 256
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Template(Section):
    """The words of a message. `{what}` is the whole step in words; lines that come out empty are left out."""

    title: str = Field("{what}", min_length=1, max_length=500)
    """Subject line. Fields: what, severity, kind, rule, unit, bed, subject, time, reason, link, to, by_role."""
    body: str = Field("{what}\n{reason}\nBed: {unit} {bed}\n{time}\n{link}", min_length=1, max_length=4_000)
    """Text. The same fields; nothing else is known of a patient here."""

    @field_validator("title", "body")
    @classmethod
    def _known_fields(cls, text: str) -> str:
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            raise ValueError(f"not a template: {error}") from None
        for _, name, spec, conversion in parts:
            if name is not None and (name not in TEMPLATE_FIELDS or spec or conversion):
                known = ", ".join(sorted(TEMPLATE_FIELDS))
                raise ValueError(f"{{{name}}} is not a field of a message; there are {known}")
        return text


class Channel(Section):
    """Somewhere a message can be sent, as apprise writes addresses: docs/notifications.md."""

    name: str
    """Short name: small letters, digits, hyphens. It is the label in metrics and tables."""
    url_env: str = ""
    """Environment variable that holds the apprise URL; its name must not begin with NIGHTLAMP_."""
    url_file: Path | None = None
    """File whose only line is the apprise URL; readable by the server's user alone."""
    rate_per_minute_max: int = Field(60, ge=1, le=6_000)
    """Most messages a minute; what comes faster waits, the most urgent first."""
    template: Template | None = None
    """Words of this channel's own, such as a shorter text for SMS."""

    @field_validator("name")
    @classmethod
    def _short(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a channel's name is 1 to 40 small letters, digits and hyphens")
        return name

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.url_env) == (self.url_file is not None):
            raise ValueError("name either url_env or url_file: where the channel's URL is, never the URL itself")
        if self.url_env and (not re.fullmatch(r"[A-Za-z_]\w*", self.url_env) or self.url_env.startswith("NIGHTLAMP_")):
            raise ValueError("url_env is the name of an environment variable that does not begin with NIGHTLAMP_")
        return self


class Route(Section):
    """Which steps of which alerts go to which channels. A step that several routes match goes to each channel once."""

    channels: list[str] = Field(min_length=1)
    """Names of channels."""
    role: str = ""
    """Of steps that name a role (escalated, reminded) only those for this one; empty takes them all. A role is nurse,
    physician, charge_nurse, data_scientist, sre or admin."""
    units: list[str] = Field([])
    """Only alerts of beds in these units; empty takes all, those without a bed too."""
    severities: list[Severity] = Field(["high"], min_length=1)
    """Only alerts as severe as this now."""
    kinds: list[Kind] = Field(["opened", "raised", "unsnoozed", "escalated", "reminded", "expired"], min_length=1)
    """Only these steps in an alert's life. `unsnoozed`: its snooze is over, and it waits for an answer anew."""

    @field_validator("role")
    @classmethod
    def _called(cls, role: str) -> str:
        if role and role not in ROLES:
            raise ValueError(f"{role} is nobody whom a chain calls; there are {', '.join(ROLES)}")
        return role


class Notify(Section):
    """Notifications about alerts, through apprise. Nothing is sent where no channel is named."""

    console_url: str = Field("", pattern=r"^(https?://[^\s?#]+)?$")
    """Address of the console as those who are notified reach it; messages link to it. No link where empty."""
    template: Template = Template()
    """The words of messages."""
    channels: list[Channel] = Field([], max_length=CHANNELS_MAX)
    """Where messages can be sent."""
    routes: list[Route] = Field([], max_length=ROUTES_MAX)
    """What goes where."""
    age_s_max: int = Field(3_600, ge=10, le=86_400)
    """A step older than this is no longer sent: it counts as expired. Also how far back a restart looks."""
    attempts_max: int = Field(80, ge=1, le=1_000)
    """Attempts at one message before it counts as failed."""
    attempt_s_max: float = Field(15.0, gt=0, le=120)
    """How long one attempt may take."""
    backoff_s_min: float = Field(1.0, gt=0, le=60)
    """Pause after a first failure; it doubles with each further one, and up to half of it is left out at random."""
    backoff_s_max: float = Field(60.0, gt=0, le=3_600)
    """Longest pause between two attempts at one message or on one failing channel."""
    queue_max: int = Field(1_000, ge=1, le=100_000)
    """Messages waiting for one channel; beyond it the oldest of the least urgent ones is dropped and counted."""
    dead_failures: int = Field(5, ge=1, le=1_000)
    """A channel that failed so often in a row is dead: a technical alert."""
    dead_s: float = Field(120.0, gt=0, le=86_400)
    """So is one whose failures have lasted this long."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        names = [one.name for one in self.channels]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two channels are called {twice}")
        if unknown := next((name for one in self.routes for name in one.channels if name not in names), None):
            raise ValueError(f"a route names the channel {unknown}, which there is not")
        if self.backoff_s_max < self.backoff_s_min:
            raise ValueError("backoff_s_max must not be smaller than backoff_s_min")
        return self
