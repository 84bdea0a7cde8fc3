"""Figures of `cargo bench --bench scale`: what an observation and a patient cost, 100 to 100,000 patients."""

import json

from nightlamp import __version__
from tests.bench.figures import Figure
from tests.bench.runner import ROOT

#: Where the bench writes (NIGHTLAMP_BENCH_JSON).
SCALE = ROOT / ".cache/bench-scale.json"
COLUMNS = {
    "whole_ns": ("an observation, rows and messages included", "ns"),
    "state_ns": ("an observation, decode to alert", "ns"),
    "patient_kb": ("memory of a patient", "kB"),
}


def scale_figures(_text: str) -> list[Figure]:
    """A figure for each size and column; memory of 100,000 patients in GiB. One run each, medians within it."""
    said = json.loads(SCALE.read_text())
    history = f"a day of history, {said['signals']} signals every {said['history_every_s'] // 60} min"
    made = []
    for size in said["sizes"]:
        patients = round(size["patients"])
        for name, (what, unit) in COLUMNS.items():
            key = f"scale.{name}.{patients}"
            made.append(_figure(key, f"{patients:,} patients: {what}", unit, history, size[name]))
        if patients == 100_000:
            gib = size["rss_mib"] / 1024
            made.append(_figure("memory.100k", "100,000 patients: memory of the process", "GiB", history, gib))
    return made


def _figure(key: str, what: str, unit: str, included: str, value: float) -> Figure:
    return Figure(key, what, "nightlamp", __version__, unit, "lower", included, True, runs=[value])
