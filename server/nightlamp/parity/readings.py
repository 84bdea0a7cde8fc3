"""What a recording's files say, value by value, before anything is judged: what a hospital's systems would have sent.

A value outside the plausible range is sent as it stands: the server has to refuse it, as the offline path does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Code:
    """How one kind of value is written."""

    loinc: str
    name: str
    unit: str
    """As written in messages."""


@dataclass(frozen=True)
class Readings:
    """Columns of one length, sorted by patient, then time. `code` is an index into `codes`; times in microseconds."""

    patient: NDArray[np.int64]
    at_us: NDArray[np.int64]
    code: NDArray[np.int64]
    value: NDArray[np.float64]
    codes: list[Code]

    def hours(self) -> Iterator[tuple[int, int, slice]]:
        """Patient, time and rows of everything observed together."""
        if not len(self.patient):
            return
        new = (np.diff(self.patient) != 0) | (np.diff(self.at_us) != 0)
        starts = np.concatenate([[0], np.flatnonzero(new) + 1, [len(self.patient)]]).tolist()
        for first, last in pairwise(starts):
            yield int(self.patient[first]), int(self.at_us[first]), slice(first, last)
