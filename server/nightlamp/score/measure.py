"""Calibration error: how far risks are from what happened, in bins."""

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.report.groups import BINS, bins_of


def calibration_error(risk: NDArray[np.float64], label: NDArray[np.int8], *, equal_mass: bool = False) -> float:
    """Expected calibration error over 10 bins of equal width on 0 to 1, or of equally many rows (Naeini et al.

    2015).
    """
    bins = bins_of(risk, equal_mass=equal_mass)
    gap = np.bincount(bins, weights=risk, minlength=BINS) - np.bincount(bins, weights=label, minlength=BINS)
    return float(np.abs(gap).sum() / len(risk))
