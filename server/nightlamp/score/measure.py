"""What is measured of risks where no interval is wanted: discrimination with prevalence, calibration, utility.

Never AUROC alone. With intervals and groups: report/.
"""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.report.groups import BINS, bins_of
from nightlamp.score.report.resample import Ranking


class Metrics(TypedDict):
    """Figures of one group of rows."""

    rows: int
    patients: int
    event_patients: int
    prevalence: float
    auroc: float
    auprc: float
    brier: float
    ece: float
    ece_equal_mass: float
    utility: float


def calibration_error(risk: NDArray[np.float64], label: NDArray[np.int8], *, equal_mass: bool = False) -> float:
    """Expected calibration error over 10 bins of equal width on 0 to 1, or of equally many rows (Naeini et al.

    2015).
    """
    bins = bins_of(risk, equal_mass=equal_mass)
    gap = np.bincount(bins, weights=risk, minlength=BINS) - np.bincount(bins, weights=label, minlength=BINS)
    return float(np.abs(gap).sum() / len(risk))


def measure(
    risk: NDArray[np.float64],
    label: NDArray[np.int8],
    row_patient: NDArray[np.int64],
    utility: float = float("nan"),
) -> Metrics:
    """Figures of some rows; `utility`, where it is asked for, is the challenge's of whole patients."""
    auroc, auprc = Ranking.of(risk, label, row_patient).whole()
    return Metrics(
        rows=len(label),
        patients=len(np.unique(row_patient)),
        event_patients=len(np.unique(row_patient[label == 1])),
        prevalence=float(label.mean()),
        auroc=auroc,
        auprc=auprc,
        brier=float(np.mean((risk - label) ** 2)),
        ece=calibration_error(risk, label),
        ece_equal_mass=calibration_error(risk, label, equal_mass=True),
        utility=utility,
    )
