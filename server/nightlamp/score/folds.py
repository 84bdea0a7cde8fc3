"""Folds by patient: no patient stands on both sides; septic and other patients of each site are spread evenly."""

import numpy as np
from numpy.typing import NDArray


def patient_folds(site: NDArray[np.str_], septic: NDArray[np.bool_], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each patient, 0 to folds - 1.

    The same patients in the same order and the same seed give the same folds.
    """
    fold = np.empty(len(site), dtype=np.int64)
    draw = np.random.default_rng(seed)
    at = 0
    for where in np.unique(site):
        for outcome in (False, True):
            stratum = np.flatnonzero((site == where) & (septic == outcome))
            fold[draw.permutation(stratum)] = (np.arange(len(stratum)) + at) % folds
            at += len(stratum)
    return fold
