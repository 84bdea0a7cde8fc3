"""docs/benchmarks.md says what the run folder holds: medians, who wins, what is missed and by how much, what failed
and why.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.figures import MARK, Figure, in_turns, read
from tests.bench.page.__main__ import page
from tests.bench.page.results import read as read_folder
from tests.bench.page.targets import Target
from tests.bench.runner import Bench, run_one

MACHINE = {"cpu": "AMD EPYC", "simd": ["avx2"], "cores": 2, "memory_gib": 23.5, "kernel": "Linux 6", "python": "3.11.7"}


def figure(**more: Any) -> Figure:
    said: dict[str, Any] = {
        "key": "k",
        "what": "work",
        "who": "nightlamp",
        "version": "1",
        "unit": "us",
        "better": "lower",
    }
    return Figure(**(said | {"ours": True, "runs": [2.0, 1.0, 3.0, 2.0, 2.5]} | more))


def kept(folder: Path, name: str, *figures: Figure, ending: str = "") -> None:
    """A bench that printed these figures and ended so, run for real."""
    lines = [MARK + json.dumps(one.__dict__) for one in figures]
    program = f"print({chr(10).join(lines)!r}); {ending}"
    run_one(Bench(name, name, [sys.executable, "-c", program]), folder)


def written(folder: Path) -> str:
    return page(read_folder(folder), ["## Kept\n\nof another day"])


def test_a_comparison_shows_medians_extremes_ratio_and_who_wins(tmp_path: Path) -> None:
    slow = figure(who="slowpoke", version="9.9", ours=False, runs=[20.0, 21.0, 19.0, 20.0, 20.0])
    fast = figure(who="hare", version="3", ours=False, runs=[1.0] * 5)
    kept(tmp_path, "peers", figure(), slow, fast)
    text = written(tmp_path)
    assert "| **nightlamp** | 1 | 2.00 | 1.00 to 3.00 | 5 |" in text
    assert "| slowpoke | 9.9 | 20.0 | 19.0 to 21.0 | 5 | 10.0 times faster |" in text
    assert "| hare | 3 | 1.00 | 1.00 to 1.00 | 5 | 2.00 times slower |" in text
    assert "Faster than nightlamp here: hare." in text
    assert "█" in text
    assert text.endswith("of another day\n")
    saved = json.loads((tmp_path / "peers.json").read_text())["figures"]
    assert [(one["n"], one.get("wins"), one.get("ratio")) for one in saved] == [
        (5, None, None),
        (5, "nightlamp", 10.0),
        (5, "hare", 0.5),
    ]


def test_a_target_is_met_or_missed_by_how_much_or_not_measured(tmp_path: Path) -> None:
    kept(tmp_path, "ours", figure(key="decode.batch", better="higher", unit="ORU/s", runs=[400_000.0] * 5))
    kept(tmp_path, "shap", figure(key="shap.ours", better="higher", unit="rows/s", runs=[13_000.0] * 5))
    text = written(tmp_path)
    assert ">= 500,000 ORU/s | 400,000 ORU/s | **missed** by 100,000 ORU/s (20%) |" in text
    assert "| TreeSHAP | >= 12,000 rows/s | 13,000 rows/s | met |" in text
    assert "| HL7 POST, p99 at 2,000/s | <= 10.0 ms |  | not measured in this run |" in text
    assert "1 met, 1 missed, 32 not measured" in text


@pytest.mark.parametrize(
    ("better", "value", "met"), [("lower", 2.0, True), ("lower", 2.01, False), ("higher", 1.99, False)]
)
def test_a_target_is_met_at_its_limit_and_not_beyond(better: str, value: float, met: bool) -> None:
    target = Target("it", 2.0, "s", better, lambda _: value)
    assert (target.verdict(value)[1] == "met") is met


def test_a_peer_that_is_missing_and_a_bench_that_fails_are_said_with_their_reason(tmp_path: Path) -> None:
    gone = figure(who="gone", ours=False, runs=[], skipped="no wheel for this machine")
    kept(tmp_path, "half", figure(), gone, ending="raise SystemExit('the broker did not start')")
    text = written(tmp_path)
    assert "| gone | 1 | not measured |  |  |  | no wheel for this machine |" in text
    assert "## What failed" in text
    assert "exit 1: the broker did not start" in text


def test_a_bench_that_hangs_is_ended_and_keeps_what_it_found(tmp_path: Path) -> None:
    line = MARK + json.dumps(figure().__dict__)
    program = f"import time; print({line!r}, flush=True); time.sleep(600)"
    why = run_one(Bench("hangs", "hangs", [sys.executable, "-c", program], seconds_max=5.0), tmp_path)
    assert "ended after 5 s" in why
    assert read_folder(tmp_path).ours("k") is not None


def test_load_tests_stand_with_latencies_command_and_what_was_missed(tmp_path: Path) -> None:
    kept(tmp_path, "ours", figure())
    (tmp_path / "run-hospital.json").write_text(json.dumps(hospital()))
    text = written(tmp_path)
    assert "| `hospital: wire to console, p99`" not in text
    assert "| `hospital`: wire to console, p99 | <= 25.0 ms | 30.0 ms | **missed** by 5.00 ms (20%) |" in text
    assert "| `hospital`: memory of the server | <= 1.00 GiB | 0.50 GiB | met |" in text
    assert "| `hospital` `--duration 60` | 8,000 observations/s, 50.0 HL7/s, 200 consoles, 60.0 s | 9 of 10 |" in text
    assert "`nightlamp-loadtest run hospital --duration 60`" in text
    assert "seen p99 30.0 where 25.0 was wanted" in text


def test_a_load_stands_with_the_medians_of_its_runs_and_apart_from_other_options(tmp_path: Path) -> None:
    kept(tmp_path, "ours", figure())
    for at, p99 in enumerate((20.0, 90.0, 10.0)):
        (tmp_path / f"run-{at}.json").write_text(json.dumps(hospital(p99)))
    double = hospital(70.0)
    double["head"]["scenario"] |= {"overrides": ["--duration 60", "--rate 2"], "phases": [{"factor_from": 2.0}]}
    (tmp_path / "double.json").write_text(json.dumps(double))
    text = written(tmp_path)
    assert "| `hospital`: wire to console, p99 | <= 25.0 ms | 20.0 ms | met |" in text
    assert "27 of 30 |  |  |  | 4.00 / 20.0 | 0.50, 512 MiB | 0.20 | 2 of 3 |" in text
    assert "9 of 10 |  |  |  | 4.00 / 70.0 | 0.50, 512 MiB | 0.20 | 0 of 1 |" in text
    assert "16,000 observations/s, 100 HL7/s" in text
    assert "run 2: seen p99 90.0 where 25.0 was wanted" in text
    # Two of three held it; of the doubled rate none did.
    assert "| whole route, sustained, generator on the same cores | >= 60,000 observations/s | 8,000" in text


def hospital(p99_ms: float = 30.0) -> dict[str, Any]:
    """A run as loadtest/src/result.rs writes it, as far as the page reads it."""
    seen = {"count": 9, "p50_us": 4_000, "p95_us": 20_000, "p99_us": p99_ms * 1e3}
    met = p99_ms <= 25.0
    facts = {
        "name": "hospital",
        "about": "1,000 beds.",
        "overrides": ["--duration 60"],
        "duration_s": 60.0,
        "consoles": 200,
        "phases": [{"factor_from": 1.0}],
    }
    facts |= {"observations_per_s": 8_000.0, "readings_per_s": 1_000.0, "hl7_per_s": 50.0}
    return {
        "schema": 1,
        "head": {"started_at": "2026-11-21T16:00:00Z", "scenario": facts, "machine": {"load_1m_before": 0.1}},
        "stages": [{"name": "seen", "percentiles": seen}],
        "conservation": {"sent": 10, "acknowledged": 9},
        "server": {"cpu_cores_mean": 0.5, "rss_bytes_max": 1 << 29},
        "generator": {"cores_mean": 0.2},
        "slo": [{"name": "seen p99", "limit": 25.0, "measured": p99_ms, "met": met}],
        "verdict": {"passed": met, "exit_code": 0 if met else 3, "reasons": [], "warnings": []},
    }


def test_a_line_that_is_no_figure_is_refused(tmp_path: Path) -> None:
    assert read("measured 5 us\n") is None
    with pytest.raises(ValueError, match="runs or skipped"):
        read(MARK + json.dumps(figure(runs=[]).__dict__))
    kept(tmp_path, "broken", ending=f"print({MARK!r} + '{{}}')")
    assert "not understood" in json.loads((tmp_path / "broken.json").read_text())["failed"]


def test_sides_take_turns_and_one_that_raises_does_not_stop_the_others() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        if name == "b" and len(order) > 2:
            raise ValueError("broken")
        return float(len(order))

    runs, failed = in_turns({"a": lambda: side("a"), "b": lambda: side("b")}, 2)
    assert order == ["a", "b", "a", "b", "a"]
    assert list(runs) == ["a"]
    assert len(runs["a"]) == 2
    assert failed == {"b": "ValueError: broken"}
