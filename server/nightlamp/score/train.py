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
from nightlamp.score.budget import Budget, Stays
from nightlamp.score.calibrate import Platt
from nightlamp.score.fit import Report, dataset, feature_rows, model_text, out_of_fold
from nightlamp.score.folds import development, group_folds
from nightlamp.score.labels import Labels, labels
from nightlamp.score.measure import Metrics, measure
from nightlamp.score.recipe import Recipe
from nightlamp.score.recording import Recording
from nightlamp.score.transfer import directions
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
    utility_threshold: float | None
    """None where the recipe asks for no utility."""
    bedside: Budget | None
    """None where the recipe counts no alerts."""
    budgets: list[Budget]
    overall: Metrics
    by_site: dict[str, Metrics]
    by_half: dict[str, Metrics]
    by_fold: list[Metrics]
    transfer: list[dict[str, Any]]
    """Figures of models of one site at another (transfer.py); empty where the recipe asks for none."""
    top_features: list[tuple[str, float]]
    """By their share of the mean absolute TreeSHAP value on a sample of rows."""


def train(recipe: Recipe, recording: Recording, report: Report) -> Trained:
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
    bedside, budgets = _budgets(recipe, np.where(asks.asked, shipped, np.nan), asks, bounds, report)

    def figures(of: NDArray[np.bool_]) -> Metrics:
        worth = utility.take(of).normalised(alarms[of]) if utility else float("nan")
        of = of & asks.asked
        return measure(risk[of], asks.value[of], recording.row_patient[of], worth)

    site, half = recording.site[recording.row_patient], development(recording)[recording.row_patient]
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
        utility_threshold=utility.best_threshold(shipped) if utility else None,
        bedside=bedside,
        budgets=budgets,
        overall=figures(np.ones(len(raw), dtype=np.bool_)),
        by_site={str(name): figures(site == name) for name in np.unique(site)},
        by_half={"development": figures(half), "confirmation": figures(~half)},
        by_fold=[figures(fold == k) for k in range(recipe.folds)],
        transfer=directions(recipe, recording, asks, rows, engine.feature_names(), report),
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


def _budgets(
    recipe: Recipe, risk: NDArray[np.float64], asks: Labels, bounds: NDArray[np.int64], report: Report
) -> tuple[Budget | None, list[Budget]]:
    """The bedside threshold and the table of budgets; neither where the recipe counts no alerts."""
    alerts = recipe.alerts
    if alerts is None:
        return None, []
    stays = Stays.of(risk, bounds, asks.onset)
    step = _counted(report, "thresholds by alert budget", len(alerts.budgets) + 1)
    found = []
    for budget in [alerts.bedside_budget, *alerts.budgets]:
        found.append(stays.for_budget(budget, alerts.clear_share, alerts.lockout_h))
        step()
    return found[0], found[1:]


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


def figures_of(trained: Trained) -> dict[str, Any]:
    """metrics.json: everything measured, with how."""
    folds = trained.by_fold
    spread = {
        key: {"mean": float(np.mean([f[key] for f in folds])), "sd": float(np.std([f[key] for f in folds], ddof=1))}
        for key in ("auroc", "auprc", "brier", "ece", "utility")
    }
    alerts = trained.recipe.alerts
    return {
        "method": (
            f"{trained.recipe.folds} folds by patient, stratified by hospital and outcome, seed {trained.recipe.seed}; "
            "risks out of fold, calibration and utility threshold from the other folds; "
            "ECE in 10 bins of equal width (ece) and of equal mass (ece_equal_mass); by_half: development, the "
            "patients by whom features and parameters were chosen, and confirmation, whose labels no choice has seen"
        ),
        "source": trained.recording.source,
        "overall": trained.overall,
        "by_hospital": trained.by_site,
        "by_half": trained.by_half,
        "by_fold": folds,
        "across_folds": spread,
        "alert_budgets": [budget.as_dict() for budget in trained.budgets],
        "alert_counting": alerts
        and (
            f"one evaluation an hour; opens at or above enter, clears at or below {alerts.clear_share:g} x enter, "
            f"then silent for {alerts.lockout_h} h; right from 12 h before to 3 h after onset"
        ),
        "transfer": trained.transfer,
        "leading_features": [{"feature": name, "share": share} for name, share in trained.top_features],
        "dropped_values": trained.recording.dropped,
    }
