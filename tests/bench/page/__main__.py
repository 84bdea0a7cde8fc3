"""Writes the page: python -m tests.bench.page RUNFOLDER [--out docs/benchmarks.md]."""

import argparse
import sys
from pathlib import Path

from tests.bench.page.results import Results, read
from tests.bench.page.scenarios import scenarios, searches
from tests.bench.page.tables import comparisons, failures, own
from tests.bench.page.targets import count, targets
from tests.bench.runner import FOLDER, ROOT

SECTIONS = Path(__file__).with_name("sections")


def page(results: Results, sections: list[str]) -> str:
    """The whole text."""
    met, missed, unknown = count(results)
    failed = failures(results)
    parts = [
        "# Benchmarks",
        "Written by `make bench-page` from what `make bench`, `make bench-peers` and `nightlamp-loadtest` left in the "
        "run folder; the numbers are nobody's typing.",
        _machine(results),
        (SECTIONS / "method.md").read_text().strip(),
        "## Against the targets",
        f"{met} met, {missed} missed, {unknown} not measured in this run. Benches are medians of at least 5 runs; of "
        "how many runs a load test is the median stands in its table.",
        targets(results),
        "## Load tests" if results.runs or results.searches else "",
        scenarios(results) if results.runs else "",
        searches(results),
        "## Beside peers",
        "Everything of one table was measured in one run, in turns. Who is faster is said either way; what a side's "
        "time covers is in its row.",
        *comparisons(results),
        "## Our own figures",
        own(results),
        f"## What failed\n\n{failed}" if failed else "",
        *sections,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _machine(results: Results) -> str:
    if not results.benches:
        return "No bench is in this run folder."
    benches = sorted(results.benches, key=lambda one: str(one["began"]))
    machine, first, last = benches[0]["machine"], benches[0], benches[-1]
    began, ended = (when[:16].replace("T", " ") for when in (first["began"], last["ended"]))
    loads = [load for one in benches for load in one["load"]]
    simd = ", ".join(machine["simd"]).upper().replace("AVX512F", "AVX-512")
    return (
        f"Measured from {began} to {ended} UTC: {machine['cores']} cores of {machine['cpu']} ({simd}), "
        f"{machine['memory_gib']} GiB, {machine['kernel']}, Python {machine['python']}. "
        f"1-minute load average {first['load'][0]} before the first bench, {last['load'][1]} after the last, "
        f"{min(loads)} to {max(loads)} between (the benches themselves make load)."
    )


def main() -> int:
    """0 once it is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks.md")
    wanted = parser.parse_args()
    kept = [path.read_text().strip() for path in sorted(SECTIONS.glob("[0-9]*.md"))]
    results = read(wanted.folder)
    wanted.out.write_text(page(results, kept))
    met, missed, unknown = count(results)
    print(f"{wanted.out}: {met} targets met, {missed} missed, {unknown} not measured")
    return 0


if __name__ == "__main__":
    sys.exit(main())
