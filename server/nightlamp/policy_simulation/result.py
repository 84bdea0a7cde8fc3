"""The result of a simulation, as JSON says it: the current policy, the candidate, and the difference.

| field | holds |
|---|---|
| `made_at`, `seconds` | when it was made, and how long it took |
| `source` | `kind` (`journal`, `physionet`), `data`, `from`, `to`, `patients`, `patient_days`, `frames`, `run_in_s` |
| `outcome` | when an alert is right, in words; or why no outcome is known; how many there were |
| `current`, `candidate` | `sha256` of the text, and `Figures` |
| `difference` | `Difference` |
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .difference import TOLERANCE_S, difference
from .figures import figures
from .outcomes import Outcomes
from .simulated import Simulated

NO_OUTCOME = "no outcome is known: figures.outcome_units names no unit of higher care"
CURRENT, CANDIDATE = 0, 1
"""The policies' places in a simulation."""


@dataclass(frozen=True)
class Tried:
    """What was asked."""

    current: str
    """TOML."""
    candidate: str
    kind: str
    data: str
    """Which data, in words; no name of a patient."""
    tolerance_s: float = TOLERANCE_S


def result(tried: Tried, simulated: Simulated, outcomes: Outcomes | None, seconds: float) -> dict[str, Any]:
    """See above."""
    days = simulated.patient_days
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "source": {
            "kind": tried.kind,
            "data": tried.data,
            "from": _time(simulated.from_us),
            "to": _time(simulated.to_us),
            "patients": len({stay.patient for stay in simulated.stays}),
            "patient_days": sum(days.values()),
            "frames": simulated.frames,
            "run_in_s": simulated.run_in_s,
        },
        "outcome": {
            "what": None if outcomes is None else outcomes.what,
            "why_not": NO_OUTCOME if outcomes is None else None,
            "happened": None if outcomes is None else outcomes.happened(),
        },
        "current": _policy(tried.current, simulated, CURRENT, outcomes),
        "candidate": _policy(tried.candidate, simulated, CANDIDATE, outcomes),
        "difference": difference(
            simulated.policies[CURRENT], simulated.policies[CANDIDATE], tried.tolerance_s
        ).as_dict(),
    }


def _policy(text: str, simulated: Simulated, place: int, outcomes: Outcomes | None) -> dict[str, Any]:
    found = figures(simulated, place, outcomes).as_dict()
    return {"sha256": hashlib.sha256(text.encode()).hexdigest(), "figures": found}


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")
