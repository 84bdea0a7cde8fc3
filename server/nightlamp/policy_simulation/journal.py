"""Policies on a journal: that of a running server, or of a stopped one, or of a copy.

Outcomes are moves to units of higher care (`figures.outcome_units`, `figures.outcome_h`), taken from the same replay
as the alerts: stays are known until the end of the time looked at, so an alert whose time for an outcome ends later
is not judged.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightlamp import bundles
from nightlamp._core import Course, simulate_folder
from nightlamp.settings import Figures, Settings

from .course import Report, reported
from .difference import TOLERANCE_S
from .outcomes import Moves
from .result import Tried, result
from .simulated import read
from .trial import trial


@dataclass(frozen=True, slots=True)
class Asked:
    """What is tried on which time."""

    current: str | None
    """TOML; None: the one in force."""
    candidate: str
    from_us: int | None = None
    to_us: int | None = None
    tolerance_s: float = TOLERANCE_S


def run(
    asked: Asked, figures: Figures, seconds_max: float, data: str, simulate: Callable[[bytes], bytes]
) -> dict[str, Any]:
    """The result (`result.py`); `simulate` is the engine's own. Raises CoreError, ValueError."""
    began = time.monotonic()
    policies = (asked.current, asked.candidate)
    told = simulate(trial(policies, time_s_max=seconds_max, from_us=asked.from_us, to_us=asked.to_us))
    simulated = read(told)
    moves = None
    if figures.outcome_units:
        moves = Moves(simulated.stays, figures.outcome_units, figures.outcome_h, simulated.to_us)
    current = simulated.in_force if asked.current is None else asked.current
    tried = Tried(current, asked.candidate, kind="journal", data=data, tolerance_s=asked.tolerance_s)
    return result(tried, simulated, moves, time.monotonic() - began)


def offline(settings: Settings, asked: Asked, seconds_max: float, report: Report) -> dict[str, Any]:
    """On the settings' data folder, whose server is stopped. Raises OSError where there is none, CoreError,
    ConfigurationError, ValueError, RuntimeError."""
    data = settings.data_dir.resolve()
    site_key = (data / "site.key").read_bytes()
    config = settings.engine_config(site_key, bundles.bundles(settings.models), bundles.policy(settings))
    course = Course()
    with reported(course, "frames", report):
        return run(
            asked,
            settings.figures,
            seconds_max,
            "journal of a data folder",
            lambda asked: simulate_folder(str(data), config, asked, course),
        )
