"""Training, readable top to bottom: a recording and a recipe become a bundle's files.

Figures are out of fold: a patient's risk comes from a model that never saw the patient, calibrated on the other folds,
and called an alarm at the threshold of best utility on the other folds. What is shipped is fitted on everything: the
model on all patients, the calibration and the thresholds on all out-of-fold scores. Nothing is tuned on the folds.

What a recipe was chosen by is the `development` half of the patients alone (folds.py). Figures of the other half,
`confirmation`, stand beside those of all: no choice has seen its labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp._core import Forest
from nightlamp.score import calibrate
from nightlamp.score.calibrate import Platt
from nightlamp.score.fit import dataset, feature_rows, model_text, out_of_fold
from nightlamp.score.folds import group_folds
from nightlamp.score.labels import Labels, labels
from nightlamp.score.recipe import Recipe
from nightlamp.score.recording import Recording
from nightlamp.score.report import judge
from nightlamp.score.report.figures import figures
from nightlamp.score.report.resample import REPLICATES
from nightlamp.score.rows import Report
from nightlamp.score.utility import RowUtility, row_utility


@dataclass(frozen=True)
class Trained:
    """All that a bundle is written from."""

    recipe: Recipe
    recording: Recording
    fingerprint: str
    feature_names: list[str]
    model: bytes
    calibration: Platt
    labels: Labels
    fold: NDArray[np.int64]
    """One a row."""
    risk: NDArray[np.float64]
    """Out of fold and calibrated on the other folds, one a row."""
    alarms: NDArray[np.bool_] | None
    """Rows that the utility's threshold of the other folds calls; None where the recipe asks for no utility."""
    utility_threshold: float | None
    """Shipped; None where the recipe asks for no utility."""
    figures: dict[str, Any]
    """Out of fold, with intervals (report/figures.py)."""
    top_features: list[tuple[str, float]]
    """By their share of the mean absolute TreeSHAP value on a sample of rows."""


def train(recipe: Recipe, recording: Recording, report: Report, replicates: int = REPLICATES) -> Trained:
    """Rows, folds, model, calibration, thresholds, figures. Half an hour for 1.2 million rows and an ensemble."""
    engine = recipe.engine()
    rows = feature_rows(recipe, recording, report)
    bounds, asks = recording.row_bounds(), labels(recording, **recipe.label)
    outcome = np.zeros(recording.patients, dtype=np.bool_)
    outcome[recording.row_patient[asks.value == 1]] = True
    fold_of = group_folds(recording.group, recording.site, outcome, recipe.folds, recipe.seed)
    fold = fold_of[recording.row_patient]
    data = dataset(recipe, rows)
    step = _counted(report, "boosters", len(recipe.boosters()) * (recipe.folds + 1))
    raw = out_of_fold(recipe, data, rows, asks, bounds, fold, step)
    model = model_text(recipe, data, np.ones(len(rows), dtype=np.bool_), asks, bounds, step)
    utility = row_utility(recording.label, bounds) if recipe.utility else None
    risk, alarms = cross_fitted(raw, asks, fold, utility)
    calibration = calibrate.fit(raw[asks.asked], asks.value[asks.asked])
    shipped = calibration.apply(raw)
    cohort = judge.cohort(recipe, recording, asks, risk, report, alarms=alarms if utility else None, fold=fold)
    report("figures and intervals", 0, 1)
    found = figures(cohort, judge.policy(recipe), replicates)
    report("figures and intervals", 1, 1)
    return Trained(
        recipe=recipe,
        recording=recording,
        fingerprint=engine.fingerprint(),
        feature_names=engine.feature_names(),
        model=model,
        calibration=calibration,
        labels=asks,
        fold=fold,
        risk=risk,
        alarms=alarms if utility else None,
        utility_threshold=utility.best_threshold(shipped) if utility else None,
        figures=found,
        top_features=leading(model, rows, engine.feature_names()),
    )


def cross_fitted(
    raw: NDArray[np.float64], asks: Labels, fold: NDArray[np.int64], utility: RowUtility | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each row's calibrated risk and whether it is an alarm, by a calibration and a threshold of the other folds.

    Without a utility nothing is an alarm.
    """
    risk, alarms = np.empty(len(raw)), np.zeros(len(raw), dtype=np.bool_)
    for k in np.unique(fold):
        here, others = fold == k, fold != k
        known = others & asks.asked
        platt = calibrate.fit(raw[known], asks.value[known])
        risk[here] = platt.apply(raw[here])
        if utility:
            alarms[here] = risk[here] >= utility.take(others).best_threshold(platt.apply(raw[others]))
    return risk, alarms


def _counted(report: Report, what: str, total: int) -> Callable[[], None]:
    """A report that counts how often it is called."""
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        report(what, done, total)

    return step


#: Rows whose shares are averaged to name the leading features.
SHARE_ROWS = 2_000
LEADING = 20


def leading(model: bytes, rows: NDArray[np.float32], names: list[str]) -> list[tuple[str, float]]:
    """The features with the largest mean absolute TreeSHAP value on evenly spaced rows, as shares of all."""
    sample = np.ascontiguousarray(rows[:: max(1, len(rows) // SHARE_ROWS)])
    shap = np.frombuffer(Forest(model).shap(sample, len(names)), dtype=np.float64).reshape(len(sample), -1)
    weight = np.abs(shap[:, : len(names)]).mean(axis=0)
    order = np.argsort(-weight, kind="stable")[:LEADING]
    total = float(weight.sum()) or 1.0
    return [(names[at], float(weight[at]) / total) for at in order]
