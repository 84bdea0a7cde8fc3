"""From a recording, labels and risks to the cohort that is judged: rules, ages, services by the serving engine."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.fit import feature_rows
from nightlamp.score.folds import development
from nightlamp.score.labels import Labels
from nightlamp.score.recipe import Recipe
from nightlamp.score.recording import HOUR_US, Recording
from nightlamp.score.report import cohort as cohorts
from nightlamp.score.report.alerts import Policy
from nightlamp.score.report.cohort import Cohort
from nightlamp.score.rows import Report
from nightlamp.score.utility import row_utility

#: Rules that risks are compared with, and the derived features that give their points.
RULES = {"NEWS2": "news2_points", "MEWS": "mews_points", "qSOFA": "qsofa_points", "SIRS": "sirs_points"}
PERSON = ["age_years", "sex_male", "service_medical", "service_surgical"]


def policy(recipe: Recipe) -> Policy | None:
    """How the recipe counts alerts; None where it does not."""
    alerts = recipe.alerts
    if alerts is None:
        return None
    return Policy(
        budgets=tuple(alerts.budgets),
        bedside_budget=alerts.bedside_budget,
        clear_share=alerts.clear_share,
        lockout_h=alerts.lockout_h,
        early_h=alerts.early_h,
        late_h=alerts.late_h,
    )


def cohort(
    recipe: Recipe,
    recording: Recording,
    asks: Labels,
    risk: NDArray[np.float64],
    report: Report,
    *,
    alarms: NDArray[np.bool_] | None = None,
    fold: NDArray[np.int64] | None = None,
) -> Cohort:
    """The rows with all they are reported by. Rules are computed only where the recipe counts alerts."""
    rules = RULES if recipe.alerts else {}
    plan = {"demographics": PERSON, "derived": list(rules.values()), "features": []}
    context = feature_rows(dataclasses.replace(recipe, plan=plan), recording, report)
    columns = {name: context[:, at].astype(np.float64) for at, name in enumerate([*PERSON, *rules.values()])}
    whose, bounds = recording.row_patient, recording.row_bounds()
    groups = {
        "hospital": recording.site[whose],
        "half": np.where(development(recording)[whose], "development", "confirmation"),
        "age": cohorts.age_band(columns["age_years"]),
        "sex": cohorts.sex(columns["sex_male"]),
        "unit": cohorts.service(columns["service_medical"], columns["service_surgical"]),
    }
    groups |= {name: of[whose] for name, of in recording.groups.items()}
    groups = {name: of for name, of in groups.items() if len(np.unique(of)) > 1}
    return Cohort(
        risk=risk,
        label=asks.value,
        stay=whose,
        hour=recording.row_at_us // HOUR_US,
        lead_h=asks.lead_h(bounds),
        person=recording.group,
        groups=groups,
        rules={name: columns[feature] for name, feature in rules.items()},
        utility=row_utility(recording.label, bounds) if recipe.utility and alarms is not None else None,
        alarms=alarms,
        fold=fold,
    )
