"""The rows that are judged: risk, outcome, whose, when, and the groups they are reported by."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.utility import RowUtility

#: Years of age at which a band begins.
AGE_BANDS = (0, 45, 65, 80)


@dataclass(frozen=True)
class Cohort:
    """Rows of whole stays, sorted by stay, then time. Row columns have one length; stays are numbered from 0."""

    risk: NDArray[np.float64]
    label: NDArray[np.int8]
    """1, 0, or -1: not asked, in no figure but the utility."""
    stay: NDArray[np.int64]
    hour: NDArray[np.int64]
    """Whole hours since any common start."""
    lead_h: NDArray[np.float64]
    """Hours from the row to the outcome, negative after it; NaN where none is known."""
    person: NDArray[np.int64]
    """Who each stay belongs to, one a stay: people are what the bootstrap draws."""
    groups: dict[str, NDArray[np.str_]] = field(default_factory=dict)
    """Names of the subgroups, one a row, by dimension: hospital, half, age, sex, unit."""
    rules: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """Points of clinical rules on the same rows; NaN where a rule gives none."""
    utility: RowUtility | None = None
    alarms: NDArray[np.bool_] | None = None
    """Rows that the utility's threshold calls; needed with `utility`."""
    fold: NDArray[np.int64] | None = None
    """Which fold held the row out, where folds made the risks."""

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Rows that count."""
        return self.label >= 0

    @property
    def row_person(self) -> NDArray[np.int64]:
        """People numbered from 0, one a row."""
        return np.unique(self.person, return_inverse=True)[1][self.stay]

    def bounds(self) -> NDArray[np.int64]:
        """Where each stay's rows begin, and the end."""
        return np.searchsorted(self.stay, np.arange(len(self.person) + 1))


def lead_to_onset(onset: NDArray[np.int64], bounds: NDArray[np.int64]) -> NDArray[np.float64]:
    """`Cohort.lead_h` of hourly rows from the row of each stay's own at which the outcome happens (-1: never)."""
    lengths = np.diff(bounds)
    row = np.arange(int(bounds[-1])) - np.repeat(bounds[:-1], lengths)
    of = np.repeat(onset, lengths)
    return np.where(of >= 0, (of - row).astype(np.float64), np.nan)


def age_band(years: NDArray[np.float64]) -> NDArray[np.str_]:
    """`under 45`, `45 to 64`, `65 to 79`, `80 and over`, `not recorded`."""
    names = np.array(["under 45", "45 to 64", "65 to 79", "80 and over", "not recorded"])
    at = np.searchsorted(np.array(AGE_BANDS[1:]), np.nan_to_num(years), side="right")
    return names[np.where(np.isnan(years), len(names) - 1, at)]


def sex(male: NDArray[np.float64]) -> NDArray[np.str_]:
    """`male`, `female`, `not recorded`."""
    return np.where(np.isnan(male), "not recorded", np.where(male == 1.0, "male", "female"))


def service(medical: NDArray[np.float64], surgical: NDArray[np.float64]) -> NDArray[np.str_]:
    """`medical`, `surgical`, `other`, `not recorded`."""
    known = ~(np.isnan(medical) & np.isnan(surgical))
    named = np.where(medical == 1.0, "medical", np.where(surgical == 1.0, "surgical", "other"))
    return np.where(known, named, "not recorded")
