"""Figures of a group of rows with 95 % intervals: counts, prevalence, AUROC, AUPRC, Brier, ECE, utility.

ECE cannot be negative and resampling adds noise to every bin, so its interval lies above its value where calibration is
good: read it as an upper bound.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.report.cohort import Cohort
from nightlamp.score.report.resample import Ranking, interval, ratio, sums

BINS = 10
#: A group with fewer people with the outcome than this gets counts alone: its figures would be noise.
EVENTS_MIN = 10


def bins_of(risk: NDArray[np.float64], *, equal_mass: bool) -> NDArray[np.int64]:
    """The bin of each row, 0 to 9: equal width on 0 to 1, or equally many rows."""
    if not equal_mass:
        return np.minimum((risk * BINS).astype(np.int64), BINS - 1)
    bins = np.empty(len(risk), dtype=np.int64)
    bins[np.argsort(risk, kind="stable")] = np.arange(len(risk)) * BINS // max(1, len(risk))
    return bins


def group(cohort: Cohort, rows: NDArray[np.bool_], weights: NDArray[np.float64]) -> dict[str, Any]:
    """One group's figures; `ci95` holds the intervals by the figures' names."""
    person, people = cohort.row_person, weights.shape[1]
    asked = rows & cohort.asked
    risk, label, who = cohort.risk[asked], cohort.label[asked], person[asked]
    with_outcome = len(np.unique(who[label == 1]))
    found: dict[str, Any] = {
        "rows": len(label),
        "patients": len(np.unique(who)),
        "stays": len(np.unique(cohort.stay[asked])),
        "event_rows": int((label == 1).sum()),
        "event_patients": with_outcome,
        "prevalence": float(label.mean()) if len(label) else float("nan"),
    }
    if with_outcome < EVENTS_MIN:
        return found | {"ci95": {}}
    spread: dict[str, NDArray[np.float64]] = {}
    ranking = Ranking.of(risk, label, who)
    found["auroc"], found["auprc"] = ranking.whole()
    spread["auroc"], spread["auprc"] = ranking.resampled(weights).T
    _add_sums(found, spread, (risk, label, who), weights)
    if cohort.utility is not None and cohort.alarms is not None:
        worth, alarms = cohort.utility.take(rows), cohort.alarms[rows]
        observed = np.where(alarms, worth.alarm, worth.silent)
        mine = sums([observed - worth.silent, worth.best - worth.silent], person[rows], people)
        found["utility"] = worth.normalised(alarms)
        gained = weights @ mine
        spread["utility"] = ratio(gained[:, 0], gained[:, 1])
    found["ci95"] = {name: interval(values) for name, values in spread.items()}
    return found


def _add_sums(
    found: dict[str, Any],
    spread: dict[str, NDArray[np.float64]],
    rows: tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.int64]],
    weights: NDArray[np.float64],
) -> None:
    """What is a sum over rows: prevalence, Brier score, calibration error in bins of both kinds."""
    risk, label, who = rows
    people = weights.shape[1]
    gap = risk - label
    base = sums([np.ones(len(risk)), label.astype(np.float64), gap**2], who, people)
    drawn = weights @ base
    found["brier"] = float(np.mean(gap**2))
    spread["prevalence"], spread["brier"] = ratio(drawn[:, 1], drawn[:, 0]), ratio(drawn[:, 2], drawn[:, 0])
    for name, equal_mass in (("ece", False), ("ece_equal_mass", True)):
        bins = bins_of(risk, equal_mass=equal_mass)
        binned = np.bincount(who * BINS + bins, weights=gap, minlength=people * BINS).reshape(people, BINS)
        found[name] = float(np.abs(binned.sum(axis=0)).sum() / len(risk))
        spread[name] = ratio(np.abs(weights @ binned).sum(axis=1), drawn[:, 0])


def by_group(cohort: Cohort, weights: NDArray[np.float64]) -> dict[str, dict[str, Any]]:
    """Every dimension of the cohort, group by group: what is under a value first, what was not recorded last."""
    return {
        dimension: {name: group(cohort, of == name, weights) for name in sorted(map(str, np.unique(of)), key=_place)}
        for dimension, of in cohort.groups.items()
    }


def _place(name: str) -> tuple[bool, bool, str]:
    return name == "not recorded", not name.startswith("under"), name
