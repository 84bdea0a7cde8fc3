"""Figures of the server's own scores with 95 % intervals, beside the bundle's out-of-fold figures.

An hour that the server did not score carries the patient's last score forward, as a ward board would still show it;
before the first score it has the bundle's prevalence. Alarms of the utility are risks at or above the bundle's utility
threshold, which nothing here chooses. Fewer than 10 patients with the outcome give counts alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.labels import Labels
from nightlamp.score.recording import HOUR_US, Recording
from nightlamp.score.report.cohort import Cohort, lead_to_onset
from nightlamp.score.report.groups import by_group, group
from nightlamp.score.report.resample import REPLICATES, draws
from nightlamp.score.utility import row_utility

SHOWN = ("auroc", "auprc", "utility", "ece", "brier", "prevalence")
JUDGED = ("auroc", "auprc", "utility", "ece")
#: How far figures on new patients may lie from the out-of-fold ones.
HOLDS_WITHIN = 0.01
HOW = (
    "an hour without a score carries the patient's last one forward, before the first one the bundle's prevalence; "
    f"utility at the bundle's own threshold; 95 % intervals by {REPLICATES} replicates of patients"
)


def carried(served: NDArray[np.float64], bounds: NDArray[np.int64], prevalence: float) -> NDArray[np.float64]:
    """One risk an hour; `served` is NaN where the server did not score. `bounds`: where patients begin, and the end."""
    rows = np.arange(len(served))
    starts = np.repeat(bounds[:-1], np.diff(bounds))
    last = np.maximum.accumulate(np.where(np.isnan(served), -1, rows)) if len(rows) else rows
    return np.where(last >= starts, served[np.maximum(last, 0)], prevalence)


def cohort(risk: NDArray[np.float64], recording: Recording, asks: Labels, threshold: float | None) -> Cohort:
    """Every hour of the recording with these risks; no utility without a threshold."""
    bounds = recording.row_bounds()
    return Cohort(
        risk=risk,
        label=asks.value,
        stay=recording.row_patient,
        hour=recording.row_at_us // HOUR_US,
        lead_h=lead_to_onset(asks.onset, bounds),
        person=recording.group,
        groups={"hospital": recording.site[recording.row_patient]},
        utility=None if threshold is None else row_utility(recording.label, bounds),
        alarms=None if threshold is None else risk >= threshold,
    )


def beside(served: Cohort, every_hour: Cohort, manifest: dict[str, Any], trained_on_these: bool) -> dict[str, Any]:
    """The served figures, the offline ones of every hour, the bundle's own, and how far the served ones lie off."""
    own, everything = manifest["metrics"].get("overall", {}), np.ones(len(served.risk), dtype=np.bool_)
    weights = draws(len(np.unique(served.person)))
    mine = group(served, everything, weights)
    gap = {name: mine[name] - own[name] for name in SHOWN if name in own and name in mine}
    return {
        "how": HOW,
        "served": mine,
        "served_by_hospital": by_group(served, weights)["hospital"],
        "offline_every_hour": group(every_hour, everything, weights[:0]),
        "bundle_out_of_fold": {name: own[name] for name in (*SHOWN, "rows", "patients") if name in own},
        "difference": gap,
        "within": HOLDS_WITHIN,
        "holds": {name: abs(gap[name]) <= HOLDS_WITHIN for name in JUDGED if name in gap},
        "trained_on_these_patients": trained_on_these,
    }
