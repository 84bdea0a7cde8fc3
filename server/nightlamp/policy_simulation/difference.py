"""Which alerts two policies share, and which only one of them opens.

An alert of one is the other's when patient and cause are the same and the openings lie at most `tolerance_s` apart:
each is paired at most once, in the order of time. Technical alerts are left out: they say nothing of the patients.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import Any

from .simulated import TECHNICAL, Alert

TOLERANCE_S = 3_600.0
"""How far apart openings of the same alert may lie, unless said otherwise: an hour."""


@dataclass(frozen=True)
class Shared:
    """Alerts of one cause, or of all."""

    cause: str
    """Empty: all."""
    both: int
    only_current: int
    only_candidate: int


@dataclass(frozen=True)
class Difference:
    """Between the current policy and the candidate."""

    tolerance_s: float
    all: Shared
    causes: list[Shared]
    earlier: int
    """Of the shared alerts: the candidate opens it before the current policy does."""
    later: int
    shift_s: list[float] | None
    """Quartiles of candidate - current of the shared alerts, seconds: below zero is earlier. None with fewer than
    two."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def difference(current: Sequence[Alert], candidate: Sequence[Alert], tolerance_s: float = TOLERANCE_S) -> Difference:
    """Both in any order."""
    mine, theirs = _by_patient(current), _by_patient(candidate)
    shifts: dict[str, list[int]] = defaultdict(list)
    alone: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for key in mine.keys() | theirs.keys():
        ours, others = mine.get(key, []), theirs.get(key, [])
        paired = _pairs(ours, others, tolerance_s * 1e6)
        shifts[key[1]] += paired
        alone[key[1]][0] += len(ours) - len(paired)
        alone[key[1]][1] += len(others) - len(paired)
    causes = [Shared(cause, len(shifts[cause]), *alone[cause]) for cause in sorted(alone)]
    every = [shift / 1e6 for cause in causes for shift in shifts[cause.cause]]
    return Difference(
        tolerance_s=tolerance_s,
        all=Shared(
            "",
            len(every),
            sum(one.only_current for one in causes),
            sum(one.only_candidate for one in causes),
        ),
        causes=causes,
        earlier=sum(shift < 0 for shift in every),
        later=sum(shift > 0 for shift in every),
        shift_s=quantiles(every, n=4, method="inclusive") if len(every) > 1 else None,
    )


def _by_patient(alerts: Sequence[Alert]) -> dict[tuple[str, str], list[int]]:
    """Openings by patient and cause, in order."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for alert in alerts:
        if alert.severity != TECHNICAL and alert.patient is not None:
            found[alert.patient, alert.cause].append(alert.opened_us)
    for openings in found.values():
        openings.sort()
    return found


def _pairs(ours: list[int], others: list[int], tolerance_us: float) -> list[int]:
    """By how much the other of each pair is later. As many pairs as there can be: the first of both that fit."""
    shifts, mine, theirs = [], 0, 0
    while mine < len(ours) and theirs < len(others):
        shift = others[theirs] - ours[mine]
        if abs(shift) <= tolerance_us:
            shifts.append(shift)
            mine, theirs = mine + 1, theirs + 1
        elif shift > 0:
            mine += 1
        else:
            theirs += 1
    return shifts
