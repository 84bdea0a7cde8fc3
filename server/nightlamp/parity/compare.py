"""Hour by hour: what the server stored beside what the offline path makes of the same hour.

Every hour of the recording is either scored by the server and compared, or not, for a reason that the recording shows:

| reason | means |
|---|---|
| no value | nothing was recorded in that hour, so nobody sent a message |
| no usable value | every value of the hour was refused: outside the plausible range |
| not triggered | fewer inputs so far than the bundle's trigger asks for, or none of its signals |

What is left over is unexplained, and a score of an hour that the recording does not have is unexpected: both must be 0.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp._core import catalogue
from nightlamp.parity.offline import Bundle, Rows
from nightlamp.parity.readings import Readings
from nightlamp.parity.stored import Scores
from nightlamp.score.recording import Recording

#: Equal within this; equal bit for bit is what is expected.
TOLERANCE = 1e-9
#: Longer than any stay in microseconds: patient * this + time is one key an hour.
_STAY_US_MAX = 10**13
REASONS = ("no value", "no usable value", "not triggered")


@dataclass
class Parity:
    """What the comparison found. Differences are absolute; a value on one side only counts as infinite."""

    hours: int = 0
    compared: int = 0
    compared_by_door: dict[str, int] = field(default_factory=dict)
    features_compared: int = 0
    features_not_identical: int = 0
    feature_difference_max: float = 0.0
    raw_difference_max: float = 0.0
    risk_difference_max: float = 0.0
    risks_not_identical: int = 0
    worst_feature: str = ""
    not_scored: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    unexplained: int = 0
    unexpected: int = 0

    @property
    def holds(self) -> bool:
        """Everything equal within the tolerance, every hour accounted for."""
        worst = max(self.feature_difference_max, self.raw_difference_max, self.risk_difference_max)
        return self.compared > 0 and worst <= TOLERANCE and not self.unexplained and not self.unexpected

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"tolerance": TOLERANCE, "holds": self.holds}


class Comparison:
    """Compares patients in chunks and keeps the served risks: one an hour of the recording, NaN where there is none."""

    def __init__(self, bundle: Bundle, recording: Recording, readings: Readings, door: NDArray[np.str_]) -> None:
        """`door`: through which each patient's values were sent."""
        self._bundle, self._recording, self._door = bundle, recording, door
        self._bounds = recording.row_bounds()
        self._reason = why_not(bundle, recording, readings)
        self._names = bundle.feature_names
        self.found = Parity(compared_by_door=dict.fromkeys(np.unique(door).tolist(), 0))
        self.served = np.full(recording.rows, np.nan)
        self.offline = np.full(recording.rows, np.nan)

    @property
    def would_be_scored(self) -> NDArray[np.bool_]:
        """The hours that the server has a reason to score."""
        return np.asarray(self._reason == 0)

    def add(self, first: int, last: int, offline: Rows, stored: Scores, shift_us: int) -> None:
        """The patients from `first` to before `last`; `stored` counts them from 0, its times lie `shift_us` later."""
        at = slice(int(self._bounds[first]), int(self._bounds[last]))
        self.offline[at] = offline.risk
        keys = self._recording.row_patient[at] * _STAY_US_MAX + self._recording.row_at_us[at]
        asked = (stored.patient + first) * _STAY_US_MAX + stored.at_us - shift_us
        place = np.searchsorted(keys, asked)
        known = (place < len(keys)) & (keys[np.minimum(place, len(keys) - 1)] == asked)
        place = place[known]
        found = self.found
        found.hours += len(keys)
        found.unexpected += int((~known).sum()) + len(place) - len(np.unique(place))
        found.compared += len(place)
        for door in found.compared_by_door:
            whose = self._recording.row_patient[at][place]
            found.compared_by_door[door] += int((self._door[whose] == door).sum())
        self._features(offline.features[place], stored.features[known])
        found.raw_difference_max = max(found.raw_difference_max, _difference(offline.raw[place], stored.raw[known]))
        found.risk_difference_max = max(found.risk_difference_max, _difference(offline.risk[place], stored.risk[known]))
        found.risks_not_identical += int((offline.risk[place] != stored.risk[known]).sum())
        self.served[at.start + place] = stored.risk[known]
        missing = self._reason[at][np.isnan(self.served[at])]
        for number, reason in enumerate(REASONS, 1):
            found.not_scored[reason] += int((missing == number).sum())
        found.unexplained += int((missing == 0).sum())

    def _features(self, offline: NDArray[np.float32], stored: NDArray[np.float32]) -> None:
        found = self.found
        found.features_compared += offline.size
        same = (offline == stored) | (np.isnan(offline) & np.isnan(stored))
        found.features_not_identical += int((~same).sum())
        if same.all():
            return
        gap = np.where(same, 0.0, np.abs(offline.astype(np.float64) - stored))
        worst = np.nan_to_num(gap, nan=np.inf).max(axis=0)
        if (most := float(worst.max())) > found.feature_difference_max:
            found.feature_difference_max, found.worst_feature = most, self._names[int(worst.argmax())]


def _difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.nan_to_num(np.abs(a - b), nan=np.inf).max()) if len(a) else 0.0


def why_not(bundle: Bundle, recording: Recording, readings: Readings) -> NDArray[np.int8]:
    """Why each hour would not be scored: 0 it would, else 1 + the place in REASONS."""
    names = {str(row["name"]): int(row["number"]) for row in catalogue()}
    trigger = bundle.manifest["trigger"]
    asks = [names[name] for name in trigger["signals"]]
    row_keys = recording.row_patient * _STAY_US_MAX + recording.row_at_us
    usable = np.searchsorted(row_keys, recording.patient * _STAY_US_MAX + recording.observed_at_us)
    touched = np.isin(recording.signal, asks) if asks else np.ones(len(usable), dtype=np.bool_)
    triggered = _present(present_inputs(bundle, recording, usable, names) >= trigger["min_signals"], usable[touched])
    sent = np.searchsorted(row_keys, readings.patient * _STAY_US_MAX + readings.at_us)
    reason = np.where(triggered, 0, 3).astype(np.int8)
    reason[~_mask(usable, recording.rows)] = 2
    reason[~_mask(sent, recording.rows)] = 1
    return reason


def present_inputs(
    bundle: Bundle, recording: Recording, row: NDArray[np.int64], names: dict[str, int]
) -> NDArray[np.int64]:
    """How many of the plan's signals have been observed by each hour; `row`: that of each observation."""
    bounds, present = recording.row_bounds(), np.zeros(recording.rows, dtype=np.int64)
    for signal in (names[name] for name in bundle.signals):
        first = np.full(recording.patients, recording.rows, dtype=np.int64)
        of = recording.signal == signal
        np.minimum.at(first, recording.patient[of], row[of])
        present += np.arange(recording.rows) >= np.repeat(first, np.diff(bounds))
    return present


def _present(enough: NDArray[np.bool_], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    return enough & _mask(rows, len(enough))


def _mask(rows: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    mask = np.zeros(length, dtype=np.bool_)
    mask[rows] = True
    return mask
