"""Alert burden of units over a time, from alert events and bed stays.

`alerts` are those about patients (high, medium, low) that opened in the time, under the unit of the bed at opening;
technical ones are counted beside. A patient-day is 24 hours of a bed that is taken. Shares are of `alerts`. The time to
acknowledgement is from opening to the first acknowledgement, over those that were acknowledged. An outcome is a move
into a unit of higher care within `figures.outcome_h` of the opening: the one kind of outcome the database holds. Only
alerts whose `outcome_h` are over are judged: a hit shows early, a miss only then.

Alerts may be forgotten (`database.alerts_keep_days`), bed stays are not: no time is asked for from before `kept_since`,
or there would be days without their alerts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

from nightlamp.settings import Figures, Settings
from nightlamp.store import Reader
from nightlamp.store.statements import sql

QUERIES = Path(__file__).with_name("queries.sql")
UNITS_MAX = 500
SEVERITIES = ("high", "medium", "low")
NO_UNITS = "no outcome is known: figures.outcome_units names no unit of higher care"
NONE_JUDGED = "of no alert here the time for an outcome is over"


@dataclass(slots=True)
class Burden:
    """Sums of one unit, or of several."""

    unit: str
    patient_days: float = 0.0
    technical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    held: int = 0
    acknowledged: int = 0
    snoozed: int = 0
    escalated: int = 0
    expired: int = 0
    cleared: int = 0
    judged: int = 0
    """Alerts whose time for an outcome is over."""
    followed: int = 0
    """Of them those that an outcome followed."""
    answered_s: list[float] = field(default_factory=list)

    @property
    def alerts(self) -> int:
        """About patients."""
        return self.high + self.medium + self.low

    @property
    def per_patient_day(self) -> float | None:
        """None where nobody lay there."""
        return self.alerts / self.patient_days if self.patient_days > 0 else None

    def share(self, count: int) -> float | None:
        """Of the alerts; None where there were none."""
        return count / self.alerts if self.alerts else None

    def answered(self, quantile: float) -> float | None:
        """Seconds within which this part of the acknowledged alerts was acknowledged: the smallest such of them."""
        return self.answered_s[max(1, ceil(quantile * len(self.answered_s))) - 1] if self.answered_s else None

    @property
    def ppv(self) -> float | None:
        """Positive predictive value; None where no outcome is known."""
        return self.followed / self.judged if self.judged else None

    def add(self, other: "Burden") -> None:
        """Take another unit's in."""
        for name in ("patient_days", "technical", *SEVERITIES, *COUNTS, "followed", "judged"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.answered_s = sorted(self.answered_s + other.answered_s)


#: What may become of an alert, each with a share.
COUNTS = ("held", "acknowledged", "snoozed", "escalated", "expired", "cleared")


def kept_since(settings: Settings, now: datetime) -> datetime | None:
    """Every alert that opened since then is still known: it was cleared later than retention looks (`_maintain` of
    app.py). None where all are kept."""
    days = 0 if settings.decode.recorded_time else settings.database.alerts_keep_days
    return now - timedelta(days=days) if days else None


async def burdens(
    reader: Reader,
    settings: Figures,
    since: datetime,
    until: datetime,
    *,
    unit: str | None = None,
    units: Sequence[str] | None = None,
    now: datetime | None = None,
) -> list[Burden]:
    """By unit, at most `UNITS_MAX`; `units` are those that may be seen, None is all. Raises StoreError."""
    now = now or datetime.now(UTC)
    horizon = timedelta(hours=settings.outcome_h)
    wanted = None if units is None else list(units)
    rows = await reader.ask(
        sql("alert_figures", QUERIES), since, until, unit, wanted, settings.outcome_units, horizon, now
    )
    return [Burden(**row) for row in rows[:UNITS_MAX]]


def together(found: Sequence[Burden]) -> Burden:
    """The sum over units."""
    total = Burden("")
    for one in found:
        total.add(one)
    return total


def why_no_ppv(one: Burden, settings: Figures) -> str | None:
    """The reason in words; None where there is a value."""
    if one.ppv is not None:
        return None
    return NONE_JUDGED if settings.outcome_units else NO_UNITS


def as_json(one: Burden, settings: Figures) -> dict[str, Any]:
    """One unit as the API gives it."""
    return {
        "unit": one.unit,
        "patient_days": one.patient_days,
        "alerts": one.alerts,
        "by_severity": {name: getattr(one, name) for name in SEVERITIES},
        "technical": one.technical,
        "per_patient_day": one.per_patient_day,
        "counts": {name: getattr(one, name) for name in COUNTS},
        "shares": {name: one.share(getattr(one, name)) for name in COUNTS},
        "acknowledged_after_s": {"median": one.answered(0.5), "p90": one.answered(0.9)},
        "ppv": {
            "value": one.ppv,
            "followed": one.followed,
            "judged": one.judged,
            "why_not": why_no_ppv(one, settings),
        },
    }
