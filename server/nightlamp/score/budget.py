"""Alert budgets: the threshold at which so many alert episodes open in 100 patient-days, and what they are worth.

An episode opens on the first row at or above `enter`, clears on the first row at or below `clear` = share x enter, and
none opens for that patient for `lockout_h` hours after clearing: the policy of core_rs/src/alert with one evaluation an
hour. An episode counts as right when it opens from 12 hours before to 3 hours after t_sepsis, where the challenge's
utility pays.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.utility import EARLY_H, LATE_H

STEPS = 24
HOURS_PER_100_DAYS = 2400.0


@dataclass(frozen=True)
class Budget:
    """One row of the alert budget table; lead times in hours before t_sepsis."""

    episodes_per_100_patient_days: float
    enter: float
    clear: float
    episodes: int
    ppv_alert: float
    ppv_patient: float
    number_needed_to_evaluate: float
    sensitivity: float
    lead_h_median: float
    lead_h_q1: float
    lead_h_q3: float

    def as_dict(self) -> dict[str, float | None]:
        """For metrics.json: NaN as null."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Stays:
    """Risks of whole stays as patients x hours, NaN after the end, and t_sepsis (-1: never)."""

    risk: NDArray[np.float64]
    onset: NDArray[np.int64]
    hours: int

    @classmethod
    def of(cls, risk: NDArray[np.float64], bounds: NDArray[np.int64], onset: NDArray[np.int64]) -> "Stays":
        """From rows: `bounds` are where each patient's rows begin, and the end; NaN: an hour not watched."""
        lengths = np.diff(bounds)
        table = np.full((len(lengths), int(lengths.max())), np.nan)
        table[np.repeat(np.arange(len(lengths)), lengths), np.arange(len(risk)) - np.repeat(bounds[:-1], lengths)] = (
            risk
        )
        return cls(table, onset, int(np.isfinite(risk).sum()))

    def openings(self, enter: float, clear: float, lockout_h: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Patient and hour of every episode's opening, by hour."""
        patients = len(self.risk)
        is_open, silent_until = np.zeros(patients, dtype=np.bool_), np.zeros(patients, dtype=np.int64)
        whose, when = [], []
        for hour in range(self.risk.shape[1]):
            risk = self.risk[:, hour]
            clears = is_open & (risk <= clear)
            opens = ~is_open & (risk >= enter) & (hour >= silent_until)
            silent_until[clears] = hour + lockout_h
            is_open = (is_open & ~clears) | opens
            whose.append(np.flatnonzero(opens))
            when.append(np.full(int(opens.sum()), hour))
        return np.concatenate(whose), np.concatenate(when)

    def at(self, enter: float, clear_share: float, lockout_h: int) -> Budget:
        """What alerts at this threshold amount to."""
        whose, when = self.openings(enter, clear_share * enter, lockout_h)
        d = when - self.onset[whose]
        right = (self.onset[whose] >= 0) & (d >= EARLY_H) & (d <= LATE_H)
        lead = np.sort(-d[right])
        q1, median, q3 = (float(np.quantile(lead, q)) if len(lead) else float("nan") for q in (0.25, 0.5, 0.75))
        alerted, found = len(np.unique(whose)), len(np.unique(whose[right]))
        septic = int((self.onset >= 0).sum())
        return Budget(
            episodes_per_100_patient_days=len(whose) / self.hours * HOURS_PER_100_DAYS,
            enter=enter,
            clear=clear_share * enter,
            episodes=len(whose),
            ppv_alert=_share(int(right.sum()), len(whose)),
            ppv_patient=_share(found, alerted),
            number_needed_to_evaluate=_share(len(whose), int(right.sum())),
            sensitivity=_share(found, septic),
            lead_h_median=median,
            lead_h_q1=q1,
            lead_h_q3=q3,
        )

    def for_budget(self, episodes_per_100_days: float, clear_share: float, lockout_h: int) -> Budget:
        """The lowest threshold found, by bisection in log risk, that stays within the budget."""
        low, high = float(np.log(np.nanmin(self.risk))), float(np.log(np.nanmax(self.risk)))
        for _ in range(STEPS):
            middle = (low + high) / 2
            whose, _when = self.openings(float(np.exp(middle)), clear_share * float(np.exp(middle)), lockout_h)
            if len(whose) / self.hours * HOURS_PER_100_DAYS > episodes_per_100_days:
                low = middle
            else:
                high = middle
        return self.at(float(np.exp(high)), clear_share, lockout_h)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
