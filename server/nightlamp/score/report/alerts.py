"""The alert budget table with intervals, rules at the same budgets, lead times; for one-off scores, shares flagged."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.budget import Budget, Openings, Stays
from nightlamp.score.report.cohort import Cohort
from nightlamp.score.report.resample import interval, ratio, sums

#: Shares of the rows flagged where a score is given once (a discharge), not watched.
FLAGGED = (0.01, 0.02, 0.05, 0.10, 0.20)
#: Rules at the thresholds they are used at.
USUAL = {"NEWS2": (5, 7), "MEWS": (4, 5), "qSOFA": (2,), "SIRS": (2,)}


@dataclass(frozen=True)
class Policy:
    """How alerts are counted: as the recipe's `[alerts]`, with the hours around the outcome at which one is right."""

    budgets: tuple[float, ...]
    bedside_budget: float
    clear_share: float
    lockout_h: int
    early_h: float
    late_h: float

    def text(self) -> str:
        """In words."""
        return (
            f"one evaluation an hour; an episode opens at or above enter, clears at or below "
            f"{self.clear_share:g} x enter, then the stay is silent for {self.lockout_h} h; right is an alert from "
            f"{self.early_h:g} h before to "
            f"{self.late_h:g} h after the outcome"
        )


def watched(cohort: Cohort, score: NDArray[np.float64], policy: Policy) -> Stays:
    """The hours asked, as the alert stage would see this score."""
    risk = np.where(cohort.asked, score, np.nan)
    window = (policy.early_h, policy.late_h)
    return Stays.at_hours(risk, cohort.bounds(), cohort.hour, cohort.lead_h, window)


class Counting:
    """Counts alerts by person, for intervals of the table's shares."""

    def __init__(self, cohort: Cohort, policy: Policy, weights: NDArray[np.float64]) -> None:
        person = np.unique(cohort.person, return_inverse=True)[1]
        soon = cohort.asked & (cohort.lead_h <= policy.early_h) & (cohort.lead_h >= -policy.late_h)
        self._person, self._weights = person, weights
        self._could = np.bincount(person[np.unique(cohort.stay[soon])], minlength=weights.shape[1]).astype(np.float64)
        self._hours = np.bincount(cohort.row_person[cohort.asked], minlength=weights.shape[1]).astype(np.float64)

    def row(self, opened: Openings, budget: Budget) -> dict[str, Any]:
        """A row of the table with its intervals at this fixed threshold."""
        people = self._weights.shape[1]
        alerted, found = np.unique(opened.stay), np.unique(opened.stay[opened.right])
        columns = [
            np.bincount(self._person[opened.stay], minlength=people),
            np.bincount(self._person[opened.stay[opened.right]], minlength=people),
            np.bincount(self._person[alerted], minlength=people),
            np.bincount(self._person[found], minlength=people),
            np.bincount(self._person[opened.covered], minlength=people),
        ]
        by_person = np.stack([*(column.astype(np.float64) for column in columns), self._could, self._hours], axis=1)
        alerts, right, stays, hit, open_then, could, hours = (self._weights @ by_person).T
        ci95 = {
            "episodes_per_100_patient_days": interval(ratio(alerts, hours) * 2400.0),
            "ppv_alert": interval(ratio(right, alerts)),
            "ppv_patient": interval(ratio(hit, stays)),
            "number_needed_to_evaluate": interval(ratio(alerts, right)),
            "sensitivity": interval(ratio(hit, could)),
            "covered": interval(ratio(open_then, could)),
        }
        return {**budget.as_dict(), "ci95": ci95}


def table(stays: Stays, policy: Policy, counting: Counting) -> list[dict[str, Any]]:
    """The model at every budget."""
    rows = []
    for budget in policy.budgets:
        enter = stays.threshold(budget, policy.clear_share, policy.lockout_h)
        clear = policy.clear_share * enter
        opened = stays.openings(enter, clear, policy.lockout_h)
        rows.append({"budget": budget, **counting.row(opened, stays.worth(opened, enter, clear))})
    return rows


def table_by_lot(stays: Stays, policy: Policy, counting: Counting) -> list[dict[str, Any]]:
    """A rule at every budget, its threshold drawn by lot between two neighbouring points for each stay.

    `enter` is the mean threshold: 6.3 is 6 for seven tenths of the stays and 7 for the others.
    """
    rows = []
    for budget in policy.budgets:
        enter = stays.by_lot(budget, policy.clear_share, policy.lockout_h)
        opened = stays.openings(enter, policy.clear_share * enter, policy.lockout_h)
        mean = float(enter.mean())
        worth = stays.worth(opened, mean, policy.clear_share * mean)
        reached = worth.episodes_per_100_patient_days > 0.8 * budget
        rows.append({"budget": budget, "reached": reached, **counting.row(opened, worth)})
    return rows


def usual(stays: Stays, rules: dict[str, Stays], policy: Policy, counting: Counting) -> list[dict[str, Any]]:
    """Rules at the whole thresholds they are used at, each beside the model at as many alerts.

    Beyond the largest budget there is no such comparison: episodes that hardly clear say nothing.
    """
    rows = []
    for name, rule in rules.items():
        for enter in USUAL.get(name, ()):
            clear = policy.clear_share * enter
            opened = rule.openings(float(enter), clear, policy.lockout_h)
            worth = rule.worth(opened, float(enter), clear)
            row: dict[str, Any] = {"rule": name, **counting.row(opened, worth), "model": None}
            if 0 < worth.episodes_per_100_patient_days <= max(policy.budgets):
                threshold = stays.threshold(worth.episodes_per_100_patient_days, policy.clear_share, policy.lockout_h)
                same = stays.openings(threshold, policy.clear_share * threshold, policy.lockout_h)
                row["model"] = counting.row(same, stays.worth(same, threshold, policy.clear_share * threshold))
            rows.append(row)
    return rows


def leads(stays: Stays, opened: Openings) -> dict[str, Any]:
    """Of stays with the outcome: the share with a right alert at least so many hours before it (negative: after)."""
    right = np.flatnonzero(opened.right)
    stay, first = np.unique(opened.stay[right], return_index=True)
    lead = opened.lead_h[right[first]]
    hours = np.arange(-int(stays.late_h), int(stays.early_h) + 1)
    share = [float((lead >= hour).sum() / max(1, stays.with_outcome)) for hour in hours]
    return {
        "stays_with_outcome": stays.with_outcome,
        "stays_found": len(stay),
        "hours_before": hours.tolist(),
        "share_alerted": share,
        "found_by_hour": [int((np.floor(lead) == hour).sum()) for hour in hours],
    }


def flagged(cohort: Cohort, weights: NDArray[np.float64]) -> list[dict[str, Any]]:
    """For scores given once: the rows of highest risk flagged, how many of them are right, how many are found."""
    asked, people = cohort.asked, weights.shape[1]
    risk, label, who = cohort.risk[asked], cohort.label[asked], cohort.row_person[asked]
    ordered = np.sort(risk)[::-1]
    rows = []
    for share in FLAGGED:
        enter = float(ordered[max(0, round(share * len(ordered)) - 1)])
        over = risk >= enter
        hit = over & (label == 1)
        columns = [over, hit, label == 1, np.ones(len(risk))]
        drawn = weights @ sums([np.asarray(column, dtype=np.float64) for column in columns], who, people)
        rows.append(
            {
                "share": share,
                "enter": enter,
                "flagged": int(over.sum()),
                "ppv": float(hit.sum() / over.sum()),
                "sensitivity": float(hit.sum() / max(1, int((label == 1).sum()))),
                "number_needed_to_evaluate": float(over.sum() / hit.sum()) if hit.any() else None,
                "ci95": {
                    "share": interval(ratio(drawn[:, 0], drawn[:, 3])),
                    "ppv": interval(ratio(drawn[:, 1], drawn[:, 0])),
                    "sensitivity": interval(ratio(drawn[:, 1], drawn[:, 2])),
                    "number_needed_to_evaluate": interval(ratio(drawn[:, 0], drawn[:, 1])),
                },
            }
        )
    return rows
