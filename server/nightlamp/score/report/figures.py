"""All figures of a cohort as one dictionary: what metrics.json holds, and the report and the card show.

One minute of processor time for 1.24 million rows in 17 groups, four rules and 500 replicates; most of it is sums.
"""

from typing import Any

import numpy as np

from nightlamp.score.report import alerts, curves
from nightlamp.score.report.alerts import Counting, Policy
from nightlamp.score.report.cohort import Cohort
from nightlamp.score.report.groups import EVENTS_MIN, by_group, group
from nightlamp.score.report.resample import REPLICATES, SEED, Ranking, draws, interval

#: Significant digits of every figure: what summation order could change is beyond them.
DIGITS = 7


def figures(
    cohort: Cohort, policy: Policy | None, replicates: int = REPLICATES, shipped: float | None = None
) -> dict[str, Any]:
    """Everything measured; `policy` is None where a score is given once and not watched from hour to hour.

    `shipped`: the bundle's bedside threshold, whose alerts are counted on these rows too. Raises ValueError where
    hardly anybody has the outcome.
    """
    with_outcome = len(np.unique(cohort.row_person[cohort.label == 1]))
    if with_outcome < EVENTS_MIN:
        raise ValueError(f"patients with the outcome: {with_outcome}; from fewer than {EVENTS_MIN} nothing can be told")
    people = len(np.unique(cohort.person))
    weights = draws(people, replicates)
    found: dict[str, Any] = {
        "bootstrap": (
            f"95 % percentile intervals, {replicates} replicates of {people:,} patients drawn with "
            f"replacement, seed {SEED}"
        ),
        "overall": group(cohort, np.ones(len(cohort.risk), dtype=np.bool_), weights),
    }
    for dimension, of in by_group(cohort, weights).items():
        found[f"by_{dimension}"] = of
    if cohort.fold is not None:
        none = weights[:0]
        found["by_fold"] = [group(cohort, cohort.fold == k, none) for k in np.unique(cohort.fold)]
        found["across_folds"] = _across(found["by_fold"])
    asked = cohort.asked
    risk, label = cohort.risk[asked], cohort.label[asked]
    rules = {name: points[asked] for name, points in cohort.rules.items()}
    found["curves"] = {"model": curves.ranked(risk, label)} | {
        name: curves.ranked(np.nan_to_num(points, nan=-1.0), label) for name, points in rules.items()
    }
    found["reliability"] = {
        "equal_width": curves.reliability(risk, label, equal_mass=False),
        "equal_mass": curves.reliability(risk, label, equal_mass=True),
    }
    found["decision_curve"] = curves.decision(risk, label, rules.get("NEWS2"))
    if rules:
        found["rules"] = _rules(cohort, weights)
    found |= _alerts(cohort, policy, weights, shipped) if policy else {"flagged": alerts.flagged(cohort, weights)}
    return {str(key): short(value) for key, value in found.items()}


def _across(folds: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over folds."""
    names = ("auroc", "auprc", "brier", "ece", "utility")
    known = {name: [fold[name] for fold in folds if name in fold] for name in names}
    return {
        name: {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1))}
        for name, values in known.items()
        if len(values) > 1
    }


def _rules(cohort: Cohort, weights: Any) -> dict[str, Any]:
    """Rules as rankings of the same rows, and how much better the model is, row for row and replicate for replicate.

    A row without points ranks lowest.
    """
    asked, who = cohort.asked, cohort.row_person[cohort.asked]
    label = cohort.label[asked]
    model = Ranking.of(cohort.risk[asked], label, who)
    mine, drawn = model.whole(), model.resampled(weights)
    found = {}
    for name, points in cohort.rules.items():
        known = points[asked]
        ranking = Ranking.of(np.nan_to_num(known, nan=-1.0), label, who)
        whole, again = ranking.whole(), ranking.resampled(weights)
        found[name] = {
            "rows_without": int(np.isnan(known).sum()),
            "auroc": whole[0],
            "auprc": whole[1],
            "model_better_by": {"auroc": mine[0] - whole[0], "auprc": mine[1] - whole[1]},
            "ci95": {"auroc": interval(again[:, 0]), "auprc": interval(again[:, 1])},
            "model_better_by_ci95": {
                "auroc": interval(drawn[:, 0] - again[:, 0]),
                "auprc": interval(drawn[:, 1] - again[:, 1]),
            },
        }
    return found


def _alerts(cohort: Cohort, policy: Policy, weights: Any, shipped: float | None) -> dict[str, Any]:
    """Budgets of the model and of the rules, and how early the alerts of the bedside budget come."""
    counting = Counting(cohort, policy, weights)
    model = alerts.watched(cohort, cohort.risk, policy)
    rules = {name: alerts.watched(cohort, points, policy) for name, points in cohort.rules.items()}
    bedside = model.threshold(policy.bedside_budget, policy.clear_share, policy.lockout_h)
    opened = model.openings(bedside, policy.clear_share * bedside, policy.lockout_h)
    lead = {"model": alerts.leads(model, opened)}
    if "NEWS2" in rules:
        enter = rules["NEWS2"].by_lot(policy.bedside_budget, policy.clear_share, policy.lockout_h)
        of = rules["NEWS2"].openings(enter, policy.clear_share * enter, policy.lockout_h)
        lead["NEWS2"] = alerts.leads(rules["NEWS2"], of)
    at_shipped = None
    if shipped is not None:
        same = model.openings(shipped, policy.clear_share * shipped, policy.lockout_h)
        at_shipped = counting.row(same, model.worth(same, shipped, policy.clear_share * shipped))
    return {
        "alert_counting": policy.text(),
        "shipped_threshold": at_shipped,
        "bedside": counting.row(opened, model.worth(opened, bedside, policy.clear_share * bedside)),
        "bedside_budget": policy.bedside_budget,
        "alert_budgets": alerts.table(model, policy, counting),
        "alert_budgets_of_rules": {name: alerts.table_by_lot(stays, policy, counting) for name, stays in rules.items()},
        "rules_at_usual_thresholds": alerts.usual(model, rules, policy, counting),
        "lead_time": lead,
    }


def short(value: Any) -> Any:
    """For JSON and cards: floats with DIGITS significant digits, NaN as null."""
    if isinstance(value, dict):
        return {str(key): short(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [short(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
    return value
