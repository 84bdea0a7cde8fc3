"""What is measured of risks: discrimination with prevalence, calibration, utility. Never AUROC alone."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

BINS = 10


class Metrics(TypedDict):
    """Figures of one group of rows."""

    rows: int
    patients: int
    septic_patients: int
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
    if equal_mass:
        bins = np.empty(len(risk), dtype=np.int64)
        bins[np.argsort(risk, kind="stable")] = np.arange(len(risk)) * BINS // len(risk)
    else:
        bins = np.minimum((risk * BINS).astype(np.int64), BINS - 1)
    gap = np.bincount(bins, weights=risk, minlength=BINS) - np.bincount(bins, weights=label, minlength=BINS)
    return float(np.abs(gap).sum() / len(risk))


def measure(
    risk: NDArray[np.float64],
    label: NDArray[np.int8],
    row_patient: NDArray[np.int64],
    utility: float = float("nan"),
) -> Metrics:
    """Figures of some rows; `utility`, where it is asked for, is the challenge's of whole patients."""
    both = 0 < int(label.sum()) < len(label)
    return Metrics(
        rows=len(label),
        patients=len(np.unique(row_patient)),
        septic_patients=len(np.unique(row_patient[label == 1])),
        prevalence=float(label.mean()),
        auroc=float(roc_auc_score(label, risk)) if both else float("nan"),
        auprc=float(average_precision_score(label, risk)) if both else float("nan"),
        brier=float(np.mean((risk - label) ** 2)),
        ece=calibration_error(risk, label),
        ece_equal_mass=calibration_error(risk, label, equal_mass=True),
        utility=utility,
    )
