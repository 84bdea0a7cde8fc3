"""What the server's public stream and the receivers of notifications said, with the time it arrived here.

The newest state of each patient and every alert step and delivery of the demo; at most `KEPT_MAX` of each, the oldest
give way. `until` waits for a condition over all of it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from .sink import Delivery

T = TypeVar("T")
KEPT_MAX = 10_000
#: A NEWS2 of so much and less is an ordinary one: the deterioration begins when it is left for good.
ORDINARY_POINTS = 2


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an alert, as `docs/messages.md` has it, and when it arrived (seconds since 1970)."""

    said: dict[str, Any]
    at: float

    def __getattr__(self, name: str) -> Any:
        try:
            return self.said[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def place(self) -> str:
        """Unit and bed, as a mail names them."""
        return f"{self.said['unit']} {self.said['bed']}"

    @property
    def is_call(self) -> bool:
        """Whether it calls somebody to a patient: a high alert that opened or was raised."""
        return self.said["severity"] == "high" and self.said["kind"] in {"opened", "raised"}


class Record:
    """Everything said so far."""

    def __init__(self) -> None:
        self.steps: deque[Step] = deque(maxlen=KEPT_MAX)
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT_MAX)
        self.patients: dict[str, dict[str, Any]] = {}
        #: By patient: when its NEWS2 left the ordinary and has not come back (seconds since 1970).
        self.abnormal_since: dict[str, float] = {}
        self._news = asyncio.Event()

    def message(self, said: dict[str, Any], at: float) -> None:
        """A message of the stream."""
        if said["type"] == "alert":
            self.steps.append(Step(said, at))
        elif said["type"] == "patient":
            self.patients[said["patient"]] = said
            points = (said["scores"].get("news2") or {}).get("value")
            if points is not None and points > ORDINARY_POINTS:
                self.abnormal_since.setdefault(said["patient"], at)
            elif points is not None:
                self.abnormal_since.pop(said["patient"], None)
        elif said["type"] == "left":
            self.patients.pop(said["patient"], None)
        self.changed()

    def delivery(self, delivery: Delivery) -> None:
        """A notification that arrived."""
        self.deliveries.append(delivery)
        self.changed()

    def changed(self) -> None:
        """Wakes who waits."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def until(self, found: Callable[[], T | None]) -> T:
        """What `found` gives once it is truthy; asked after every message."""
        while True:
            news = self._news
            if answer := found():
                return answer
            await news.wait()

    async def step(self, wanted: Callable[[Step], bool]) -> Step:
        """The first step like that, past ones included."""
        return await self.until(lambda: next((one for one in self.steps if wanted(one)), None))

    async def delivered(self, wanted: Callable[[Delivery], bool]) -> Delivery:
        """The first delivery like that, past ones included."""
        return await self.until(lambda: next((one for one in self.deliveries if wanted(one)), None))

    def of(self, alert_id: str) -> Iterator[Step]:
        """The steps of one alert."""
        return (one for one in self.steps if one.id == alert_id)

    def present(self) -> list[dict[str, Any]]:
        """Patients in a bed whose NEWS2 is known."""
        states = (one for one in self.patients.values() if one["bed"])
        return [one for one in states if (one["scores"].get("news2") or {}).get("value") is not None]


def clock() -> float:
    """Seconds since 1970."""
    return time.time()
