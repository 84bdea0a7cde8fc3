"""What the engine says of policies on recorded time: the alerts each would have opened, and who lay where meanwhile.

The columns are those of `row` and `stay` in core_rs/src/engine/simulate.rs. Times are microseconds since 1970-01-01
UTC.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

DAY_US = 86_400_000_000
TECHNICAL = "technical"
SEVERITIES = ("high", "medium", "low", TECHNICAL)


class Alert(NamedTuple):
    """One alert that a policy would have opened."""

    patient: str | None
    """Pseudonym; None of a technical alert that is about no patient."""
    rule: str
    """That opened it."""
    cause: str
    subject: str
    """What a technical alert is about."""
    severity: str
    """At opening, as in the figures of alerts."""
    severity_max: str
    unit: str
    """Of the bed at opening; empty in none."""
    opened_us: int
    cleared_us: int | None
    held: bool
    """Shown, but nobody would have been told of its opening."""


class Stay(NamedTuple):
    """One patient in one bed."""

    patient: str
    unit: str
    from_us: int
    to_us: int | None
    """None while it lasts."""


@dataclass(frozen=True)
class Simulated:
    """Some policies on the same recorded time."""

    policies: list[list[Alert]]
    """Alerts by policy that opened in the time, in order."""
    stays: list[Stay]
    from_us: int
    to_us: int
    """The time looked at ends before it."""
    frames: int
    run_in_s: float
    """How long before `from_us` the replay began."""
    over: list[int]
    """By policy: alerts beyond what is kept."""
    in_force: str = ""
    """The policy in force, where a journal says it; TOML."""

    @property
    def patient_days(self) -> dict[str, float]:
        """24 hours of a bed that is taken, within the time, by unit."""
        days: dict[str, float] = {}
        for stay in self.stays:
            end_us = self.to_us if stay.to_us is None else min(stay.to_us, self.to_us)
            if (lasted_us := end_us - max(stay.from_us, self.from_us)) > 0:
                days[stay.unit] = days.get(stay.unit, 0.0) + lasted_us / DAY_US
        return days


def read(told: bytes) -> Simulated:
    """A simulation of the journal (`Engine.simulate`, `simulate_folder`)."""
    said = orjson.loads(told)
    return _simulated(said, said["from_us"], said["to_us"], said["replay"]["frames"], said["replay"]["began_us"])


def read_recordings(told: bytes) -> tuple[Simulated, list[str]]:
    """A simulation of recorded patients (`simulate_recordings`), and the pseudonym of each by number."""
    said = orjson.loads(told)
    begins = [stay[2] for stay in said["stays"]]
    ends = [stay[3] for stay in said["stays"] if stay[3] is not None]
    from_us, to_us = min(begins, default=0), max(ends, default=0) + 1
    return _simulated(said, from_us, to_us, said["frames"], from_us), said["ids"]


def _simulated(said: dict[str, Any], from_us: int, to_us: int, frames: int, began_us: int) -> Simulated:
    within = [
        [alert for row in rows if from_us <= (alert := Alert(*row)).opened_us < to_us] for rows in said["policies"]
    ]
    for alerts in within:
        alerts.sort(key=lambda alert: alert.opened_us)
    return Simulated(
        policies=within,
        stays=[Stay(*row) for row in said["stays"]],
        from_us=from_us,
        to_us=to_us,
        frames=frames,
        run_in_s=max(0.0, (from_us - began_us) / 1e6),
        over=said["alerts_over"],
        in_force=said.get("in_force", ""),
    )
