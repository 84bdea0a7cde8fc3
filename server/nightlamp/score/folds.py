"""Folds by patient: no patient stands on both sides; septic and other patients of each site are spread evenly.

And the half of the patients that choices may be made by: those whose identifier has an even BLAKE2b hash of 8 bytes.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.recording import Recording


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


def group_folds(
    group: NDArray[np.int64], site: NDArray[np.str_], septic: NDArray[np.bool_], folds: int, seed: int
) -> NDArray[np.int64]:
    """The fold of each patient number where several may stand for one person (`group`): one person, one fold.

    A person is where the first of the numbers was, and has the outcome where any has.
    """
    _person, first, whose = np.unique(group, return_index=True, return_inverse=True)
    outcome = np.zeros(len(first), dtype=np.bool_)
    np.logical_or.at(outcome, whose, septic)
    return patient_folds(site[first], outcome, folds, seed)[whose]


def development(recording: Recording) -> NDArray[np.bool_]:
    """One a patient: True in the half by which features and parameters are chosen. Depends on the identifier alone."""
    return np.array(
        [hashlib.blake2b(one.encode(), digest_size=8).digest()[-1] % 2 == 0 for one in recording.patient_id]
    )
