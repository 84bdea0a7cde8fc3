"""What a bench finds: figures, one line of JSON each on standard output, which the runner keeps and the page shows.

A line is `FIGURE {...}` with `key` (figures of one key are compared), `who`, `version`, `ours`, `unit`, `better`
(higher or lower), `runs` (at least 5 values), `included` (what the time covers), `what` (a line for people). A peer
that could not be measured has `skipped` with the reason instead of `runs`. Rust and Java benches print the same
lines.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROUNDS = 7
MARK = "FIGURE "


@dataclass(frozen=True)
class Figure:
    """One side of one comparison."""

    key: str
    what: str
    who: str
    version: str
    unit: str
    better: str
    included: str = ""
    ours: bool = False
    skipped: str = ""
    runs: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle of the runs; the mean of the middle two of an even number."""
        return statistics.median(self.runs)


def emit(figure: Figure) -> None:
    """Print it for the runner; a reader sees the median in the same line."""
    print(MARK + json.dumps(asdict(figure)), flush=True)


def read(line: str) -> Figure | None:
    """The figure of a line of output; None where the line is something else. Raises ValueError for a broken one."""
    if not line.startswith(MARK):
        return None
    said = json.loads(line[len(MARK) :])
    if unknown := set(said) - set(Figure.__dataclass_fields__):
        raise ValueError(f"a figure has no {', '.join(sorted(unknown))}")
    made = Figure(**said)
    if made.better not in {"higher", "lower"} or bool(made.runs) == bool(made.skipped):
        raise ValueError(f"{made.key} of {made.who}: better, runs or skipped is wrong")
    return made


def ratio(ours: Figure, peer: Figure) -> float:
    """How many times better our median is than the peer's: above 1 we win."""
    mine, other = ours.median, peer.median
    return mine / other if ours.better == "higher" else other / mine


def seconds_a_call(work: Callable[[], object], at_least_s: float = 0.1) -> float:
    """Seconds of one call, from as many calls as fill `at_least_s`."""
    calls, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < at_least_s:
        work()
        calls += 1
    return spent / calls


def in_turns(sides: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> tuple[dict[str, Any], dict[str, str]]:
    """Each side once a round, in turns, so that other load meets all; runs by side, and why a side failed.

    The first call of each is not counted. A side that raises is left out of later rounds and named with its reason.
    """
    runs: dict[str, list[float]] = {name: [] for name in sides}
    failed: dict[str, str] = {}
    for at in range(rounds + 1):
        for name, measure in sides.items():
            if name in failed:
                continue
            try:
                value = measure()
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}"[:300]
                continue
            if at:
                runs[name].append(value)
    return {name: values for name, values in runs.items() if name not in failed}, failed


@dataclass(frozen=True)
class Side:
    """Who is measured, how, and what the time covers."""

    who: str
    version: str
    measure: Callable[[], float]
    included: str
    ours: bool = False


def compare(key: str, what: str, unit: str, better: str, sides: list[Side], rounds: int = ROUNDS) -> None:
    """Measure the sides in turns and print a figure of each."""
    runs, failed = in_turns({side.who: side.measure for side in sides}, rounds)
    for side in sides:
        found = {"runs": runs[side.who]} if side.who in runs else {"skipped": failed[side.who]}
        emit(Figure(key, what, side.who, side.version, unit, better, side.included, side.ours, **found))


def skip(key: str, what: str, who: str, reason: str, unit: str = "", better: str = "lower") -> None:
    """Say that a peer was not measured, and why."""
    emit(Figure(key, what, who, "", unit, better, skipped=reason))


def machine() -> dict[str, Any]:
    """The machine as it is now."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    fields = dict(line.split(":", 1) for line in info.split("\n\n")[0].splitlines() if ":" in line)
    said = {name.strip(): value.strip() for name, value in fields.items()}
    flags = said.get("flags", "").split()
    return {
        "cpu": said.get("model name") or platform.processor() or platform.machine(),
        "simd": [name for name in ("avx2", "avx512f") if name in flags],
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
