"""Training, readable top to bottom: a recording and a recipe become a bundle's files.

Figures are out of fold: a patient's risk comes from a model that never saw the patient, calibrated on the other folds,
and called an alarm at the threshold of best utility on the other folds. What is shipped is fitted on everything: the
model on all patients, the calibration and the thresholds on all out-of-fold scores. Nothing is tuned on the folds.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp._core import Forest
from nightlamp.score import calibrate
from nightlamp.score.budget import Budget, Stays
from nightlamp.score.calibrate import Platt
from nightlamp.score.fit import Report, dataset, feature_rows, model_text, out_of_fold
from nightlamp.score.folds import patient_folds
from nightlamp.score.measure import Metrics, measure
from nightlamp.score.recipe import Recipe
from nightlamp.score.recording import Recording
from nightlamp.score.utility import RowUtility, onset_row, row_utility


@dataclass(frozen=True)
class Trained:
    """All that a bundle is written from."""

    recipe: Recipe
    recording: Recording
    fingerprint: str
    feature_names: list[str]
    model: bytes
    calibration: Platt
    utility_threshold: float
    bedside: Budget
    budgets: list[Budget]
    overall: Metrics
    by_site: dict[str, Metrics]
    by_fold: list[Metrics]
    top_features: list[tuple[str, float]]
    """By their share of the mean absolute TreeSHAP value on a sample of rows."""


def train(recipe: Recipe, recording: Recording, report: Report) -> Trained:
    """Rows, folds, model, calibration, thresholds, figures. Minutes for 1.2 million rows."""
    engine = recipe.engine()
    rows = feature_rows(recipe, recording, report)
    bounds = recording.row_bounds()
    onset = onset_row(recording.label, bounds)
    fold = patient_folds(recording.site, onset >= 0, recipe.folds, recipe.seed)[recording.row_patient]
    data = dataset(recipe, rows, recording.label)
    raw = out_of_fold(recipe, data, rows, fold, report)
    model = model_text(recipe, data, "the model on all patients", report)
    utility = row_utility(recording.label, bounds)
    risk, alarms = cross_fitted(raw, recording.label, fold, utility)
    calibration = calibrate.fit(raw, recording.label)
    shipped = calibration.apply(raw)
    stays = Stays.of(shipped, bounds, onset)
    budgets = []
    for at, budget in enumerate(recipe.budgets):
        budgets.append(stays.for_budget(budget, recipe.clear_share, recipe.lockout_h))
        report("thresholds by alert budget", at + 1, len(recipe.budgets))

    def figures(of: NDArray[np.bool_]) -> Metrics:
        return measure(risk[of], recording.label[of], recording.row_patient[of], utility.take(of), alarms[of])

    site = recording.site[recording.row_patient]
    return Trained(
        recipe=recipe,
        recording=recording,
        fingerprint=engine.fingerprint(),
        feature_names=engine.feature_names(),
        model=model,
        calibration=calibration,
        utility_threshold=utility.best_threshold(shipped),
        bedside=stays.for_budget(recipe.bedside_budget, recipe.clear_share, recipe.lockout_h),
        budgets=budgets,
        overall=figures(np.ones(len(raw), dtype=np.bool_)),
        by_site={str(name): figures(site == name) for name in np.unique(site)},
        by_fold=[figures(fold == k) for k in range(recipe.folds)],
        top_features=leading(model, rows, engine.feature_names()),
    )


def cross_fitted(
    raw: NDArray[np.float64], label: NDArray[np.int8], fold: NDArray[np.int64], utility: RowUtility
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each row's calibrated risk and whether it is an alarm, by a calibration and a threshold of the other folds."""
    risk, alarms = np.empty(len(raw)), np.zeros(len(raw), dtype=np.bool_)
    for k in np.unique(fold):
        here, others = fold == k, fold != k
        platt = calibrate.fit(raw[others], label[others])
        risk[here] = platt.apply(raw[here])
        alarms[here] = risk[here] >= utility.take(others).best_threshold(platt.apply(raw[others]))
    return risk, alarms


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


def figures_of(trained: Trained) -> dict[str, Any]:
    """metrics.json: everything measured, with how."""
    folds = trained.by_fold
    spread = {
        key: {"mean": float(np.mean([f[key] for f in folds])), "sd": float(np.std([f[key] for f in folds], ddof=1))}
        for key in ("auroc", "auprc", "brier", "ece", "utility")
    }
    return {
        "method": (
            f"{trained.recipe.folds} folds by patient, stratified by hospital and outcome, seed {trained.recipe.seed}; "
            "risks out of fold, calibration and utility threshold from the other folds; "
            "ECE in 10 bins of equal width (ece) and of equal mass (ece_equal_mass)"
        ),
        "source": trained.recording.source,
        "overall": trained.overall,
        "by_hospital": trained.by_site,
        "by_fold": folds,
        "across_folds": spread,
        "alert_budgets": [budget.as_dict() for budget in trained.budgets],
        "alert_counting": (
            "one evaluation an hour; opens at or above enter, clears at or below "
            f"{trained.recipe.clear_share:g} x enter, "
            f"then silent for {trained.recipe.lockout_h} h; right from 12 h before to 3 h after onset"
        ),
        "leading_features": [{"feature": name, "share": share} for name, share in trained.top_features],
        "dropped_values": trained.recording.dropped,
    }
