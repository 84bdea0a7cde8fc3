"""What a chapter is, what it tells, and what all chapters see."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from .house import House
from .people import Person
from .record import Record, Step
from .sink import Sink

#: The kinds that say whether somebody is waited for.
_DECIDE = {"opened", "raised", "acknowledged", "cleared"}


class Outcome(StrEnum):
    """What became of a chapter."""

    TOLD = "told"
    MISSING = "MISSING"
    NOT_OFFERED = "not offered"


@dataclass(frozen=True, slots=True)
class Told:
    """What really happened. Nothing in it names a patient: beds, pseudonyms, seconds."""

    what: list[str]
    #: Where to look in the console and what is seen there.
    look: str
    measured: str


class NotOffered(Exception):
    """This server has no door for it; the text says which."""


@dataclass(slots=True)
class Scene:
    """The house, what was heard, who acts, and which alerts the story is about."""

    house: House
    record: Record
    nurse: Person
    charge_nurse: Person
    admin: Person
    pager: Sink
    say: Callable[[str], None]
    #: When the ward was started, seconds since 1970.
    began: float
    #: The alert that is answered at once, and the one nobody answers on purpose.
    answered: Step | None = None
    ignored: Step | None = None
    #: The chain has reached the pager: it is in use and can be missed.
    paged: asyncio.Event = field(default_factory=asyncio.Event)

    def link(self, patient: str = "", page: str = "") -> str:
        """An address of the console."""
        return f"{self.house.url}/console/#/" + (f"patient/{patient}" if patient else page)

    def calls(self) -> list[Step]:
        """High alerts that opened or were raised, the newest call of each, in the order of the first."""
        newest = {step.id: step for step in self.record.steps if step.is_call}
        return list(newest.values())

    def waits(self, alert_id: str) -> bool:
        """Whether the alert is without an answer now."""
        kinds = [step.kind for step in self.record.of(alert_id) if step.kind in _DECIDE]
        return kinds[-1:] in (["opened"], ["raised"])


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter: `tell` returns when it has happened. Raises NotOffered."""

    number: int
    title: str
    tell: Callable[[Scene], Awaitable[Told]]
