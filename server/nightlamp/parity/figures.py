"""Figures of the server's own scores, beside the bundle's out-of-fold figures.

An hour that the server did not score carries the patient's last score forward, as a ward board would still show it;
before the first score it has the bundle's prevalence. Alarms of the utility are risks at or above the bundle's utility
threshold, which nothing here chooses.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.labels import Labels
from nightlamp.score.measure import Metrics, measure
from nightlamp.score.recording import Recording
from nightlamp.score.utility import row_utility

SHOWN = ("auroc", "auprc", "utility", "ece", "brier", "prevalence")
#: How far figures on new patients may lie from the out-of-fold ones.
HOLDS_WITHIN = 0.01
HOW = (
    "an hour without a score carries the patient's last one forward, before the first one the bundle's prevalence; "
    "utility at the bundle's own threshold"
)


def carried(served: NDArray[np.float64], bounds: NDArray[np.int64], prevalence: float) -> NDArray[np.float64]:
    """One risk an hour; `served` is NaN where the server did not score. `bounds`: where patients begin, and the end."""
    rows = np.arange(len(served))
    starts = np.repeat(bounds[:-1], np.diff(bounds))
    last = np.maximum.accumulate(np.where(np.isnan(served), -1, rows)) if len(rows) else rows
    return np.where(last >= starts, served[np.maximum(last, 0)], prevalence)


def figures(risk: NDArray[np.float64], recording: Recording, asks: Labels, threshold: float | None) -> Metrics:
    """What is measured of whole patients; utility is NaN without a threshold."""
    worth = float("nan")
    if threshold is not None:
        worth = row_utility(recording.label, recording.row_bounds()).normalised(risk >= threshold)
    of = asks.asked
    return measure(risk[of], asks.value[of], recording.row_patient[of], worth)


def beside(served: Metrics, manifest: dict[str, Any], source: str) -> dict[str, Any]:
    """The served figures, the bundle's own, and their difference."""
    own = manifest["metrics"].get("overall", {})
    mine: dict[str, Any] = dict(served)
    gap = {name: mine[name] - own[name] for name in SHOWN if name in own and mine[name] == mine[name]}
    judged = [name for name in ("auroc", "auprc", "utility", "ece") if name in gap]
    return {
        "how": HOW,
        "served": mine,
        "bundle_out_of_fold": {name: own[name] for name in (*SHOWN, "rows", "patients") if name in own},
        "difference": gap,
        "within": HOLDS_WITHIN,
        "holds": bool(judged) and all(abs(gap[name]) <= HOLDS_WITHIN for name in judged),
        "trained_on_these_patients": manifest["training"]["data"] == source,
    }
