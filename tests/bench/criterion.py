"""Figures from what criterion leaves under the target folder: the time of one iteration in each of its samples."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from nightlamp import __version__
from tests.bench.figures import Figure
from tests.bench.runner import ROOT

#: Older results are of another run.
AGE_S_MAX = 900.0


def figures_of(group: str, shown: dict[str, tuple[str, str, str]]) -> Callable[[str], list[Figure]]:
    """Figures of a criterion group, for `Bench.figures_of`. `shown`: benchmark to (key, unit, what).

    Units: `us` and `ns` an iteration, `MB/s` and `rows/s` by the benchmark's throughput. Others are left out.
    """

    def found(_text: str) -> list[Figure]:
        made = []
        for path in sorted((_target() / "criterion" / group).rglob("new/sample.json")):
            said = json.loads(path.with_name("benchmark.json").read_text())
            name = said["full_id"].removeprefix(f"{group}/")
            if name in shown and time.time() - path.stat().st_mtime < AGE_S_MAX:
                made.append(_figure(json.loads(path.read_text()), said["throughput"] or {}, *shown[name]))
        if len(made) != len(shown):
            raise ValueError(f"{len(made)} of {len(shown)} benchmarks of {group} left results")
        return made

    return found


def _figure(sample: dict[str, list[float]], throughput: dict[str, int], key: str, unit: str, what: str) -> Figure:
    ns = [spent / iterations for iterations, spent in zip(sample["iters"], sample["times"], strict=True)]
    amount = next(iter(throughput.values()), 1)
    runs = {
        "ns": lambda: ns,
        "us": lambda: [one / 1e3 for one in ns],
        "MB/s": lambda: [amount / one * 1e3 for one in ns],
        "rows/s": lambda: [amount / one * 1e9 for one in ns],
    }[unit]()
    better = "lower" if unit in {"ns", "us"} else "higher"
    return Figure(key, what, "nightlamp", __version__, unit, better, "in Rust, one thread", True, runs=runs)


def _target() -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
