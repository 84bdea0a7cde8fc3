"""How many alerts a policy opens in 100 patient-days, and how many of them are right: in all, by unit, severity, rule.

`alerts` in all are those about patients; technical ones are counted beside, under their severity and rule, and are
never right or wrong. A rule's and a severity's patient-days are those of all units.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import Any

from .outcomes import Outcomes
from .simulated import SEVERITIES, TECHNICAL, Alert, Simulated


@dataclass(frozen=True)
class Count:
    """Some alerts of one policy."""

    name: str
    """The unit, severity or rule; empty in all."""
    patient_days: float
    alerts: int
    patients: int
    """With such an alert."""
    held: int
    per_100_patient_days: float | None
    """None where nobody lay there."""
    judged: int
    """Alerts of which is known whether they were right."""
    right: int
    ppv: float | None
    """Positive predictive value: right of judged. None where none was judged."""
    found: int
    """Patients with the outcome who had a right alert."""
    lead_h: list[float] | None
    """Quartiles of the hours from a right alert to its outcome; None with fewer than two."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Figures:
    """Of one policy."""

    all: Count
    units: list[Count]
    severities: list[Count]
    rules: list[Count]
    over: int
    """Alerts beyond what is kept; in no figure."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def figures(simulated: Simulated, policy: int, outcomes: Outcomes | None) -> Figures:
    """Of the policy of this number."""
    alerts, days = simulated.policies[policy], simulated.patient_days
    every_day = sum(days.values())
    about_patients = [alert for alert in alerts if alert.severity != TECHNICAL]

    def by(key: Callable[[Alert], str], of: list[Alert], order: Iterable[str] | None = None) -> list[Count]:
        groups: dict[str, list[Alert]] = {name: [] for name in order or ()}
        for alert in of:
            groups.setdefault(key(alert), []).append(alert)
        return [count(name, group, every_day, outcomes) for name, group in groups.items()]

    units = {name: [alert for alert in about_patients if alert.unit == name] for name in sorted(days)}
    elsewhere = sorted({alert.unit for alert in about_patients} - set(units))
    units |= {name: [alert for alert in about_patients if alert.unit == name] for name in elsewhere}
    return Figures(
        all=count("", about_patients, every_day, outcomes),
        units=[count(name, group, days.get(name, 0.0), outcomes) for name, group in units.items()],
        severities=[one for one in by(lambda alert: alert.severity, alerts, SEVERITIES) if one.alerts],
        rules=sorted(by(lambda alert: alert.rule, alerts), key=lambda one: (-one.alerts, one.name)),
        over=simulated.over[policy],
    )


def count(name: str, alerts: list[Alert], patient_days: float, outcomes: Outcomes | None) -> Count:
    """The figures of some alerts."""
    judgements = [(alert, None if outcomes is None else outcomes.judge(alert)) for alert in alerts]
    judged = [(alert, judgement) for alert, judgement in judgements if judgement is not None]
    right = [(alert, judgement) for alert, judgement in judged if judgement.right]
    leads = [judgement.lead_h for _, judgement in right if judgement.lead_h is not None]
    return Count(
        name=name,
        patient_days=patient_days,
        alerts=len(alerts),
        patients=len({alert.patient for alert in alerts if alert.patient is not None}),
        held=sum(alert.held for alert in alerts),
        per_100_patient_days=len(alerts) / patient_days * 100 if patient_days > 0 else None,
        judged=len(judged),
        right=len(right),
        ppv=len(right) / len(judged) if judged else None,
        found=len({alert.patient for alert, _ in right}),
        lead_h=quantiles(leads, n=4, method="inclusive") if len(leads) > 1 else None,
    )
