"""Labels: what a row is asked, by the recipe's `[label] kind`.

| kind | label | onset |
|---|---|---|
| recorded | as the adapter found it in the data | `lead_h` rows after the first row labelled 1 |
| news2_onset | 1 where NEWS2 is below `points` and reaches it within `horizon_h` hours | the first such reaching |
| outcome | 1 where one begins within `horizon_h` after the row, -1 while one lasts | the first row at or after it |

NEWS2 of `news2_onset` is the engine's own `news2_points`: the last value of each item, however old, and only of the
items there are. It is partial where items are missing (these data have no consciousness), and FiO2 above .21 is oxygen.
Rows are not asked where it has reached `points` already, where it cannot be given, and where nothing was observed
afterwards. It may be reached more than once in a stay: each row looks to the next time.

`outcome` takes the label from the data where that has no times, as `recorded` does with `lead_h` = `horizon_h`. Of
several outcomes of a patient the onset is that of the first which a row before it could tell of.

A label is 1, 0, or -1: the row is not asked (the outcome has happened, or cannot be known). Rows not asked are in no
fit and no figure.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp._core import FeatureEngine
from nightlamp.score.recording import HOUR_US, Recording
from nightlamp.score.report.cohort import lead_to_onset
from nightlamp.score.rows import engine_rows

NOT_ASKED = -1


@dataclass(frozen=True)
class Labels:
    """What is to be predicted, by row and by patient."""

    value: NDArray[np.int8]
    """1, 0 or NOT_ASKED, one a row."""
    onset: NDArray[np.int64]
    """The row of each patient's own, counted from 0, at which the outcome happens; -1: never."""

    next_h: NDArray[np.float64] | None = None
    """Hours from each row to the next outcome, where a stay may have several; NaN: none follows."""
    counts: dict[str, int] = field(default_factory=dict)
    """How many rows are not asked, by reason, and what else a reader of the figures must know."""

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Rows that count."""
        return np.asarray(self.value != NOT_ASKED)

    def lead_h(self, bounds: NDArray[np.int64]) -> NDArray[np.float64]:
        """Hours from each row to the outcome, negative after it; NaN where there is none."""
        return lead_to_onset(self.onset, bounds) if self.next_h is None else self.next_h

    def earlier(self, rows: int, bounds: NDArray[np.int64]) -> NDArray[np.int8]:
        """The label beginning so many rows earlier in each patient; -1 stays. `bounds`: where patients begin."""
        if rows == 0:
            return self.value
        first = np.full(len(bounds) - 1, np.iinfo(np.int64).max // 2)
        positive = np.flatnonzero(self.value == 1)
        whose = np.searchsorted(bounds, positive, side="right") - 1
        np.minimum.at(first, whose, positive)
        soon = np.arange(len(self.value)) >= np.repeat(first, np.diff(bounds)) - rows
        return np.where(self.asked & soon, np.int8(1), self.value).astype(np.int8)


def labels(recording: Recording, kind: str, **settings: Any) -> Labels:
    """The labels of a recording. Raises ValueError for no such kind, TypeError for a setting it does not know."""
    if kind not in KINDS:
        raise ValueError(f"there is no label {kind}; there is {', '.join(sorted(KINDS))}")
    return KINDS[kind](recording, **settings)


def recorded(recording: Recording, lead_h: int = 0) -> Labels:
    """The adapter's label; the outcome happens `lead_h` rows after its first 1."""
    bounds = recording.row_bounds()
    onset = np.full(recording.patients, -1, dtype=np.int64)
    positive = np.flatnonzero(recording.label == 1)
    whose, first = np.unique(recording.row_patient[positive], return_index=True)
    onset[whose] = positive[first] - bounds[whose] + lead_h
    return Labels(recording.label, onset)


def news2_onset(recording: Recording, points: float = 7.0, horizon_h: float = 6.0) -> Labels:
    """Whether a patient whose NEWS2 is below `points` will reach it within `horizon_h` hours."""
    engine = FeatureEngine(json.dumps({"plan": {"derived": ["news2_points"]}}).encode())
    score = engine_rows(engine, recording, lambda *_: None)[:, 0]
    high, known = score >= points, ~np.isnan(score)
    whose, at_us, bounds = recording.row_patient, recording.row_at_us, recording.row_bounds()
    next_h = _hours_to_next(high, whose, at_us)
    last_us = np.full(recording.patients, np.iinfo(np.int64).min)
    np.maximum.at(last_us, recording.patient, recording.observed_at_us)
    censored = last_us[whose] <= at_us
    asked = known & ~high & ~censored
    value = np.where(asked, next_h <= horizon_h, NOT_ASKED).astype(np.int8)
    followed_h = (at_us[bounds[whose + 1] - 1] - at_us) / HOUR_US
    onset = np.full(recording.patients, -1, dtype=np.int64)
    begins = np.flatnonzero(high & np.r_[False, asked[:-1] & (whose[1:] == whose[:-1])])
    reached, first = np.unique(whose[begins], return_index=True)
    onset[reached] = begins[first] - bounds[reached]
    counts = {
        "rows_outcome_present": int(high.sum()),
        "rows_without_score": int((~known).sum()),
        "rows_without_later_observation": int((known & ~high & censored).sum()),
        "rows_labelled_0_that_end_within_the_horizon": int(((value == 0) & (followed_h < horizon_h)).sum()),
        "onsets": len(begins),
    }
    return Labels(value, onset, next_h, counts)


def _hours_to_next(event: NDArray[np.bool_], whose: NDArray[np.int64], at_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Hours from each row to the next later row of the same patient with the event; NaN where there is none."""
    none = len(event)
    own = np.where(event, np.arange(none), none)
    following = np.append(np.minimum.accumulate(own[::-1])[::-1][1:], none)
    at = np.minimum(following, none - 1)
    found = (following < none) & (whose[at] == whose)
    return np.where(found, (at_us[at] - at_us) / HOUR_US, np.nan)


def outcome(recording: Recording, horizon_h: float) -> Labels:
    """The outcomes' times against the rows'."""
    said = recording.outcomes
    if said is None:
        return recorded(recording, round(horizon_h))
    bounds, horizon_us = recording.row_bounds(), round(horizon_h * HOUR_US)
    value = np.zeros(recording.rows, dtype=np.int8)
    onset, next_h = np.full(recording.patients, -1, dtype=np.int64), np.full(recording.rows, np.nan)
    for patient, start_us, end_us in zip(said.patient, said.start_us, said.end_us, strict=True):
        rows = slice(bounds[patient], bounds[patient + 1])
        at_us, here = recording.row_at_us[rows], value[rows]
        soon = (at_us < start_us) & (start_us - at_us <= horizon_us)
        next_h[rows] = np.fmin(next_h[rows], np.where(at_us < start_us, (start_us - at_us) / HOUR_US, np.nan))
        here[soon & (here == 0)] = 1
        here[(at_us >= start_us) & (at_us < end_us)] = NOT_ASKED
        if onset[patient] < 0 and soon.any():
            onset[patient] = np.searchsorted(at_us, start_us)
    return Labels(value, onset, next_h, {"rows_outcome_present": int((value == NOT_ASKED).sum())})


KINDS: dict[str, Callable[..., Labels]] = {"outcome": outcome, "recorded": recorded, "news2_onset": news2_onset}
