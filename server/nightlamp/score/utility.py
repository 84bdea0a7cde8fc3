"""The utility of the PhysioNet/CinC Challenge 2019 (Reyna et al., Crit Care Med 2020;48:210).

t_sepsis is the first row labelled 1, plus 6: the labels are set six hours early. With d = row - t_sepsis, in rows of an
hour:

| | d <= -6 | -6 < d <= 3 | d > 3 |
|---|---|---|---|
| septic, alarm | max((d + 12) / 6, -0.05) | (3 - d) / 9 | 0 |
| septic, silent | 0 | -2 (d + 6) / 9 | 0 |

Not septic: alarm -0.05, silent 0. Normalised: 0 is never an alarm, 1 the best there is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EARLY_H, OPTIMAL_H, LATE_H = -12, -6, 3
FALSE_ALARM = -0.05
MISS = -2.0


@dataclass(frozen=True)
class RowUtility:
    """What an alarm and silence are worth on each row, and an alarm where it is best."""

    alarm: NDArray[np.float64]
    silent: NDArray[np.float64]
    best: NDArray[np.float64]

    def take(self, rows: NDArray[np.bool_]) -> "RowUtility":
        """Some of the rows; whole patients, or normalising means nothing."""
        return RowUtility(self.alarm[rows], self.silent[rows], self.best[rows])

    def total(self, alarms: NDArray[np.bool_]) -> float:
        """Not normalised."""
        return float(np.where(alarms, self.alarm, self.silent).sum())

    def normalised(self, alarms: NDArray[np.bool_]) -> float:
        """(observed - none) / (best - none); NaN without a septic patient."""
        none, best = float(self.silent.sum()), float(self.best.sum())
        return (self.total(alarms) - none) / (best - none) if best != none else float("nan")

    def best_threshold(self, risk: NDArray[np.float64]) -> float:
        """The threshold t for which alarms where risk >= t are worth most; ties to the highest.

        Above all where none pays.
        """
        order = np.argsort(-risk, kind="stable")
        gain = np.cumsum((self.alarm - self.silent)[order])
        sorted_risk = risk[order]
        ends = np.flatnonzero(np.append(sorted_risk[1:] != sorted_risk[:-1], True))  # an alarm takes all of equal risk
        at = int(np.argmax(gain[ends]))
        return float(sorted_risk[ends[at]]) if gain[ends[at]] > 0 else float(np.nextafter(sorted_risk[0], np.inf))


def onset_row(label: NDArray[np.int8], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """t_sepsis of each patient in rows of its own, counted from 0; -1 where never septic. `bounds`: patients + 1."""
    onset = np.full(len(bounds) - 1, -1, dtype=np.int64)
    positive = np.flatnonzero(label == 1)
    whose = np.searchsorted(bounds, positive, side="right") - 1
    septic, first = np.unique(whose, return_index=True)
    onset[septic] = positive[first] - bounds[septic] - OPTIMAL_H
    return onset


def row_utility(label: NDArray[np.int8], bounds: NDArray[np.int64]) -> RowUtility:
    """The table above for every row of whole patients."""
    lengths = np.diff(bounds)
    row = np.arange(len(label)) - np.repeat(bounds[:-1], lengths)
    onset = np.repeat(onset_row(label, bounds), lengths)
    septic, d = onset >= 0, (row - onset).astype(np.float64)
    early, late = septic & (d <= OPTIMAL_H), septic & (d > OPTIMAL_H) & (d <= LATE_H)
    alarm = np.where(septic, 0.0, FALSE_ALARM)
    alarm[early] = np.maximum((d[early] - EARLY_H) / (OPTIMAL_H - EARLY_H), FALSE_ALARM)
    alarm[late] = (LATE_H - d[late]) / (LATE_H - OPTIMAL_H)
    silent = np.zeros(len(label))
    silent[late] = MISS * (d[late] - OPTIMAL_H) / (LATE_H - OPTIMAL_H)
    best = np.where(septic & (d >= EARLY_H) & (d <= LATE_H), alarm, silent)
    return RowUtility(alarm, silent, best)
