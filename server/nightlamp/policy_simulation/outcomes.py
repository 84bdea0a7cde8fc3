"""What became of the patients, as far as it is recorded: which alerts were right, and how long before.

Moves: an alert outside higher care is right when the patient comes into a unit of higher care within so many hours of
its opening, and judged once the time for it is over, not before (`alert_figures` in figures/queries.sql says the same
of what is in the database, and why). Onsets: an alert is right when it opens from `early_h` hours before to `late_h`
hours after the onset of its patient; every alert is judged, since the recording knows who had none (score/budget.py).
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .simulated import TECHNICAL, Alert, Stay

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one alert."""

    right: bool
    lead_h: float | None
    """Hours from its opening to the outcome, negative after it; of right alerts only."""


class Outcomes(Protocol):
    """What is known of the patients."""

    what: str
    """In words: when an alert is right."""

    def judge(self, alert: Alert) -> Judgement | None:
        """None where nobody can tell."""
        ...

    def happened(self) -> int | None:
        """Outcomes that an alert could have told of; None where they are not counted."""
        ...


class Moves:
    """Moves into units of higher care."""

    def __init__(self, stays: Sequence[Stay], units: Sequence[str], within_h: int, to_us: int) -> None:
        """`to_us`: until when stays are known."""
        self._higher, self._within_us, self._to_us = frozenset(units), within_h * HOUR_US, to_us
        self._moved: dict[str, list[int]] = {}
        for stay in stays:
            if stay.unit in self._higher and stay.from_us < to_us:
                self._moved.setdefault(stay.patient, []).append(stay.from_us)
        for times in self._moved.values():
            times.sort()
        self.what = f"a move to {', '.join(sorted(units))} within {within_h} h of the opening"

    def judge(self, alert: Alert) -> Judgement | None:
        """See `Outcomes`."""
        if alert.severity == TECHNICAL or alert.patient is None or alert.unit in self._higher:
            return None
        until_us = alert.opened_us + self._within_us
        if until_us > self._to_us:
            return None
        times = self._moved.get(alert.patient, [])
        at = bisect_right(times, alert.opened_us)
        if at < len(times) and times[at] <= until_us:
            return Judgement(True, (times[at] - alert.opened_us) / HOUR_US)
        return Judgement(False, None)

    def happened(self) -> int | None:
        """See `Outcomes`."""
        return None


class Onsets:
    """When the outcome began, by patient; who is not named had none."""

    def __init__(self, onset_us: Mapping[str, int], early_h: float, late_h: float, what: str) -> None:
        self._onset_us, self._early_h, self._late_h = onset_us, early_h, late_h
        self.what = f"{what} from {late_h:g} h before to {early_h:g} h after the opening"

    def judge(self, alert: Alert) -> Judgement | None:
        """See `Outcomes`."""
        if alert.severity == TECHNICAL or alert.patient is None:
            return None
        onset_us = self._onset_us.get(alert.patient)
        if onset_us is None:
            return Judgement(False, None)
        lead_h = (onset_us - alert.opened_us) / HOUR_US
        right = -self._late_h <= lead_h <= self._early_h
        return Judgement(right, lead_h if right else None)

    def happened(self) -> int | None:
        """See `Outcomes`."""
        return len(self._onset_us)
