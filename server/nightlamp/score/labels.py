"""Labels: what a row is asked, by the recipe's `[label] kind`.

| kind | label | onset |
|---|---|---|
| recorded | as the adapter found it in the data | `lead_h` rows after the first row labelled 1 |

A label is 1, 0, or -1: the row is not asked (the outcome has happened, or cannot be known). Rows not asked are in no
fit and no figure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.recording import Recording

NOT_ASKED = -1


@dataclass(frozen=True)
class Labels:
    """What is to be predicted, by row and by patient."""

    value: NDArray[np.int8]
    """1, 0 or NOT_ASKED, one a row."""
    onset: NDArray[np.int64]
    """The row of each patient's own, counted from 0, at which the outcome happens; -1: never."""

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Rows that count."""
        return np.asarray(self.value != NOT_ASKED)

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


KINDS: dict[str, Callable[..., Labels]] = {"recorded": recorded}
