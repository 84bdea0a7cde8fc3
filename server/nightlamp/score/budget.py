"""Alert budgets: the threshold at which so many alert episodes open in 100 patient-days, and what they are worth.

An episode opens on the first row at or above `enter`, clears on the first row at or below `clear` = share x enter, and
none opens for that stay for `lockout_h` hours after clearing: the policy of core_rs/src/alert with one evaluation an
hour. An episode counts as right when it opens from `early_h` hours before to `late_h` hours after the outcome; for
sepsis 12 and 3, where the challenge's utility pays. Patient-days are hours with a risk, by 24.

A rule has few values, so few budgets can be met exactly. Between two of its thresholds a stay gets the lower one by lot
(seeded): a randomised policy that meets every budget up to the most it can ever open.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.report.cohort import lead_to_onset

STEPS = 24
#: Halvings of the share that gets the lower threshold by lot.
LOT_STEPS = 12
#: Thresholds are searched from the top down, each time with so many times the rows above.
GROWTH = 1.25
HOURS_PER_100_DAYS = 2400.0
EARLY_H, LATE_H = 12.0, 3.0
LOT_SEED = 20190


@dataclass(frozen=True)
class Budget:
    """One row of the alert budget table; lead times in hours before the outcome, of the right alerts."""

    episodes_per_100_patient_days: float
    enter: float
    clear: float
    episodes: int
    ppv_alert: float
    ppv_patient: float
    number_needed_to_evaluate: float
    sensitivity: float
    covered: float
    """Stays with the outcome in which an episode was open when an alert would have been right, whenever it opened."""
    lead_h_median: float
    lead_h_q1: float
    lead_h_q3: float

    def as_dict(self) -> dict[str, Any]:
        """For metrics.json: NaN as null."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Openings:
    """The episodes that opened under one policy: whose, and how long before the outcome (NaN: there is none)."""

    stay: NDArray[np.int64]
    hour: NDArray[np.int64]
    lead_h: NDArray[np.float64]
    right: NDArray[np.bool_]
    covered: NDArray[np.int64]
    """Stays in which an episode was open when an alert would have been right."""


@dataclass(frozen=True)
class Stays:
    """Risks of whole stays, hour after hour, in each hour the longest stay first: stay `c` in hour `h` is cell
    `first[h] + c`. NaN where nothing is asked."""

    risk: NDArray[np.float64]
    lead_h: NDArray[np.float64]
    near: NDArray[np.bool_]
    """Cells in which an alert would be right."""
    first: NDArray[np.int64]
    active: NDArray[np.int64]
    """How many stays still last, by hour."""
    number: NDArray[np.int64]
    """The stay that each column is."""
    highest: NDArray[np.float64]
    """Of each column."""
    with_outcome: int
    """Stays in which an alert could have been right."""
    hours: int
    early_h: float
    late_h: float

    @classmethod
    def of(cls, risk: NDArray[np.float64], bounds: NDArray[np.int64], onset: NDArray[np.int64]) -> "Stays":
        """From hourly rows: `bounds` are where each stay's rows begin, and the end; a risk of NaN is an hour not
        watched; `onset` is the row of each stay's own at which the outcome happens, -1: never."""
        hour = np.arange(len(risk)) - np.repeat(bounds[:-1], np.diff(bounds))
        return cls.at_hours(risk, bounds, hour, lead_to_onset(onset, bounds))

    @classmethod
    def at_hours(
        cls,
        risk: NDArray[np.float64],
        bounds: NDArray[np.int64],
        hour: NDArray[np.int64],
        lead_h: NDArray[np.float64],
        window_h: tuple[float, float] = (EARLY_H, LATE_H),
    ) -> "Stays":
        """From rows at whole hours, rising within a stay; `lead_h` is how long until the outcome."""
        stays = len(bounds) - 1
        first = hour[np.minimum(bounds[:-1], len(hour) - 1)]
        since = hour - np.repeat(first, np.diff(bounds))
        lasts = np.zeros(stays, dtype=np.int64)
        some = np.diff(bounds) > 0
        lasts[some] = since[bounds[1:][some] - 1] + 1
        number = np.argsort(-lasts, kind="stable")
        column = np.empty(stays, dtype=np.int64)
        column[number] = np.arange(stays)
        of = np.repeat(column, np.diff(bounds))
        active = np.searchsorted(-lasts[number], -np.arange(int(lasts.max(initial=0))), side="left")
        begins = np.cumsum(active) - active
        cells = np.full((2, int(active.sum())), np.nan)
        cells[:, begins[since] + of] = risk, lead_h
        early_h, late_h = window_h
        near = (cells[1] <= early_h) & (cells[1] >= -late_h)
        highest = np.full(stays, -np.inf)
        np.fmax.at(highest, of, risk)
        known = np.isfinite(risk) & (lead_h <= early_h) & (lead_h >= -late_h)
        return cls(
            risk=cells[0],
            lead_h=cells[1],
            near=near,
            first=begins,
            active=active,
            number=number,
            highest=highest,
            with_outcome=len(np.unique(of[known])),
            hours=int(np.isfinite(risk).sum()),
            early_h=early_h,
            late_h=late_h,
        )

    def openings(
        self, enter: float | NDArray[np.float64], clear: float | NDArray[np.float64], lockout_h: int
    ) -> Openings:
        """Every episode's opening, by hour; the thresholds are one for all or one for each column."""
        all_enter, all_clear = np.broadcast_to(enter, self.highest.shape), np.broadcast_to(clear, self.highest.shape)
        chosen = np.flatnonzero(self.highest >= all_enter)
        enters, clears_at = all_enter[chosen], all_clear[chosen]
        covered = np.zeros(len(chosen), dtype=np.bool_)
        is_open, silent_until = np.zeros(len(chosen), dtype=np.bool_), np.zeros(len(chosen), dtype=np.int64)
        whose, when = [], []
        for hour, lasting in enumerate(np.searchsorted(chosen, self.active)):
            if lasting == 0:
                break
            here = slice(0, int(lasting))
            cell = self.first[hour] + chosen[here]
            now, opened = self.risk[cell], is_open[here]
            clears = opened & (now <= clears_at[here])
            opens = (now >= enters[here]) & ~opened & (silent_until[here] <= hour)
            silent_until[here][clears] = hour + lockout_h
            is_open[here] = (opened & ~clears) | opens
            covered[here] |= is_open[here] & self.near[cell]
            if opens.any():
                whose.append(np.flatnonzero(opens))
                when.append(np.full(len(whose[-1]), hour))
        column = chosen[np.concatenate(whose)] if whose else np.empty(0, dtype=np.int64)
        hours = np.concatenate(when) if when else np.empty(0, dtype=np.int64)
        cells = self.first[hours] + column
        return Openings(self.number[column], hours, self.lead_h[cells], self.near[cells], self.number[chosen[covered]])

    def rate(self, enter: float | NDArray[np.float64], clear_share: float, lockout_h: int) -> float:
        """Episodes in 100 patient-days."""
        opened = self.openings(enter, np.asarray(enter) * clear_share, lockout_h)
        return len(opened.stay) / self.hours * HOURS_PER_100_DAYS

    def worth(self, opened: Openings, enter: float, clear: float) -> Budget:
        """What these alerts amount to."""
        lead = opened.lead_h[opened.right]
        q1, median, q3 = (float(np.quantile(lead, q)) if len(lead) else float("nan") for q in (0.25, 0.5, 0.75))
        alerts, right = len(opened.stay), int(opened.right.sum())
        found = len(np.unique(opened.stay[opened.right]))
        return Budget(
            episodes_per_100_patient_days=alerts / self.hours * HOURS_PER_100_DAYS,
            enter=enter,
            clear=clear,
            episodes=alerts,
            ppv_alert=_share(right, alerts),
            ppv_patient=_share(found, len(np.unique(opened.stay))),
            number_needed_to_evaluate=_share(alerts, right),
            sensitivity=_share(found, self.with_outcome),
            covered=_share(len(opened.covered), self.with_outcome),
            lead_h_median=median,
            lead_h_q1=q1,
            lead_h_q3=q3,
        )

    def at(self, enter: float, clear_share: float, lockout_h: int) -> Budget:
        """What alerts at this threshold amount to."""
        return self.worth(self.openings(enter, clear_share * enter, lockout_h), enter, clear_share * enter)

    def threshold(self, episodes_per_100_days: float, clear_share: float, lockout_h: int) -> float:
        """The lowest threshold down to which the budget is kept.

        Not any lower one that keeps it too: far enough down episodes never clear, and so become few again.
        """
        ordered = np.sort(self.risk[np.isfinite(self.risk)])[::-1]
        kept, tried = 0, int(episodes_per_100_days * self.hours / HOURS_PER_100_DAYS)
        most, most_at = -1.0, 0
        while tried < len(ordered):
            rate = self.rate(ordered[tried], clear_share, lockout_h)
            if rate > episodes_per_100_days:
                break
            if rate > most:
                most, most_at = rate, tried
            kept, tried = tried, max(tried + 1, int(tried * GROWTH))
        else:
            return float(ordered[most_at])  # it never opens so many: the most it does
        for _ in range(STEPS):
            middle = (kept + tried) // 2
            if middle == kept:
                break
            if self.rate(ordered[middle], clear_share, lockout_h) > episodes_per_100_days:
                tried = middle
            else:
                kept = middle
        return float(ordered[kept])

    def for_budget(self, episodes_per_100_days: float, clear_share: float, lockout_h: int) -> Budget:
        """What alerts at the threshold for this budget amount to."""
        return self.at(self.threshold(episodes_per_100_days, clear_share, lockout_h), clear_share, lockout_h)

    def by_lot(self, episodes_per_100_days: float, clear_share: float, lockout_h: int) -> NDArray[np.float64]:
        """For a score of few values: each column's threshold, the lower or the upper of two neighbours by lot.

        So many stays have the lower one that the budget is just kept.
        """
        values = np.unique(self.risk[np.isfinite(self.risk)])[::-1]
        lot = np.random.default_rng(LOT_SEED).random(len(self.highest))[self.number]
        upper = float(values[0]) + 1.0
        for lower in values.tolist():
            if self.rate(lower, clear_share, lockout_h) <= episodes_per_100_days:
                upper = lower
                continue
            low, high = 0.0, 1.0
            for _ in range(LOT_STEPS):
                share = (low + high) / 2
                over = self.rate(np.where(lot < share, lower, upper), clear_share, lockout_h) > episodes_per_100_days
                low, high = (low, share) if over else (share, high)
            return np.where(lot < low, lower, upper)
        return np.full(len(self.highest), upper)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
