"""What was to be reached, what was measured, met or missed and by how much; and what others have published.

Sources of the targets: the project's issues 5 and 6. Of the published figures: the issue's list; they were measured
elsewhere, by others, on other machines, and doing other work, so they give the order of magnitude and nothing more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bench.page.results import Results
from tests.bench.page.words import number, table

Find = Callable[[Results], float | None]
NOT_MEASURED = "not measured in this run"


@dataclass(frozen=True)
class Target:
    """A figure to reach."""

    what: str
    limit: float
    unit: str
    better: str
    find: Find

    @property
    def wanted(self) -> str:
        return f"{'>=' if self.better == 'higher' else '<='} {number(self.limit)} {self.unit}"

    def verdict(self, measured: float | None) -> tuple[str, str]:
        """What was measured, and met or missed by how much."""
        if measured is None:
            return "", NOT_MEASURED
        met = measured >= self.limit if self.better == "higher" else measured <= self.limit
        apart = abs(measured - self.limit)
        how = "met" if met else f"**missed** by {number(apart)} {self.unit} ({apart / self.limit:.0%})"
        return f"{number(measured)} {self.unit}", how


def ours(key: str, who: str = "nightlamp") -> Find:
    """Median of our figure of a key."""

    def find(results: Results) -> float | None:
        figure = results.ours(key, who)
        return figure and figure["median"]

    return find


def first(*finds: Find) -> Find:
    """Whichever was measured first in this order."""
    return lambda results: next((found for find in finds if (found := find(results)) is not None), None)


def least_ratio(key: str) -> Find:
    """How many times better than the best peer."""

    def find(results: Results) -> float | None:
        return min((one["ratio"] for one in results.of(key) if "ratio" in one), default=None)

    return find


def run(scenario: str, value: Callable[[dict[str, Any]], float | None]) -> Find:
    """The median of a value over the runs of a scenario."""

    def find(results: Results) -> float | None:
        found = results.load(scenario)
        return found and found.median(value)

    return find


def stage(name: str, field: str) -> Callable[[dict[str, Any]], float | None]:
    """Milliseconds of a stage's percentile in a run."""

    def value(found: dict[str, Any]) -> float | None:
        stages = {one["name"]: one["percentiles"] for one in found["stages"]}
        return stages[name][field] / 1e3 if name in stages and stages[name]["count"] else None

    return value


def sustained(results: Results) -> float | None:
    """The highest rate of observations that a search held, or more than half of the runs of a load."""
    found = [one["best_observations_per_s"] for one in results.searches if one["best_observations_per_s"]]
    found += [
        load.offered("observations_per_s")
        for load in results.loads()
        if 2 * load.passed > len(load.runs) and load.scenario["duration_s"] >= 30
    ]
    return max(found, default=None)


def _gib(found: dict[str, Any]) -> float | None:
    used = found["server"]["rss_bytes_max"]
    return None if used is None else used / 2**30


def _cores(found: dict[str, Any]) -> float | None:
    used = found["server"]["cpu_cores_mean"]
    return None if used is None else 100 * used


LISTENER = "nightlamp, listener"
RATE, LOW = "higher", "lower"
TARGETS = [
    Target(
        "decode, escapes, repetitions, validation included",
        1_000,
        "MB/s",
        RATE,
        first(ours("decode.ours"), ours("decode.rate")),
    ),
    Target("decode beside the fastest peer", 25, "times", RATE, least_ratio("decode.rust")),
    Target("decode from Python as a batch call", 500_000, "ORU/s", RATE, ours("decode.batch")),
    Target("forest, batches of 64, AVX-512", 1_300_000, "rows/s", RATE, ours("forest.ours.64", "nightlamp, AVX-512")),
    Target("forest, batches of 64, AVX2", 600_000, "rows/s", RATE, ours("forest.ours.64", "nightlamp, AVX2")),
    Target("forest, batches of 64, portable", 150_000, "rows/s", RATE, ours("forest.ours.64", "nightlamp, portable")),
    Target("forest, one row, in Rust, best instruction set", 6, "us", LOW, ours("forest.rust.1")),
    Target("forest, one row, AVX-512, from Python", 6, "us", LOW, ours("forest.ours.1", "nightlamp, AVX-512")),
    Target("forest, one row, AVX2, from Python", 12, "us", LOW, ours("forest.ours.1", "nightlamp, AVX2")),
    Target("TreeSHAP", 12_000, "rows/s", RATE, ours("shap.ours")),
    Target("window, an observation, 3 exact windows, hourly data", 400, "ns", LOW, ours("window.hourly")),
    Target("window, an observation, 3 exact windows, one a minute", 400, "ns", LOW, ours("window.minute")),
    Target("window, a 150-feature row, hourly data", 2, "us", LOW, ours("row.hourly")),
    Target("window, a 150-feature row, one a minute", 2, "us", LOW, ours("row.minute")),
    Target("MQTT QoS 1 to durable journal to PUBACK", 200_000, "messages/s", RATE, ours("mqtt.ours", LISTENER)),
    Target("the same, p99 at 100,000/s", 10, "ms", LOW, ours("mqtt.p99", LISTENER)),
    Target("COPY, indexed, 1,000 patients, batches of 80,000", 600_000, "rows/s", RATE, ours("store.ours.80000")),
    Target("COPY, indexed, 1,000 patients, batches of 10,000", 600_000, "rows/s", RATE, ours("store.ours.10000")),
    Target(
        "COPY, indexed, one patient, batches of 80,000", 600_000, "rows/s", RATE, ours("store.ours.one_patient.80000")
    ),
    Target("WebSocket, frames of 16 states to 50 clients", 800_000, "frames/s", RATE, ours("stream.frames")),
    Target(
        "WebSocket, states of 200 bytes to 50 clients, several in a frame",
        800_000,
        "messages/s",
        RATE,
        ours("stream.ours.small"),
    ),
    Target("HL7 POST with durable ACK", 15_000, "posts/s", RATE, ours("http.ours")),
    Target("HL7 POST, p99 at 2,000/s", 10, "ms", LOW, ours("http.p99")),
    Target("whole route, sustained, generator on the same cores", 60_000, "observations/s", RATE, sustained),
    Target("the same, stretch", 150_000, "observations/s", RATE, sustained),
    Target("`hospital`: wire to console, p50", 5, "ms", LOW, run("hospital", stage("seen", "p50_us"))),
    Target("`hospital`: wire to console, p99", 25, "ms", LOW, run("hospital", stage("seen", "p99_us"))),
    Target("`hospital`: CPU of the server", 60, "% of one core", LOW, run("hospital", _cores)),
    Target("`hospital`: memory of the server", 1, "GiB", LOW, run("hospital", _gib)),
    Target("vitals to alert at a console, p99, 1,000 patients", 150, "ms", LOW, ours("alert.console")),
    Target("vitals to alert at an SMTP sink, p99, 1,000 patients", 2_000, "ms", LOW, ours("alert.mail")),
    Target("100,000 patients in memory, a day of history", 12, "GiB", LOW, ours("memory.100k")),
    Target("start to ready, empty journal, databases exist", 2, "s", LOW, ours("start.again")),
    Target("start to ready, a new data folder", 2, "s", LOW, ours("start.first")),
]


def targets(results: Results) -> str:
    """The table: targets, then what others have published beside what was measured here."""
    rows = []
    for target in TARGETS:
        measured, verdict = target.verdict(target.find(results))
        rows.append([target.what, target.wanted, measured, verdict])
    rows += [[f"published: {who}", said, *_beside(results, how)] for who, said, how in PUBLISHED]
    return table(["what", "target, or as published", "measured here", ""], rows)


def count(results: Results) -> tuple[int, int, int]:
    """How many targets are met, missed, not measured."""
    verdicts = [target.verdict(target.find(results))[1] for target in TARGETS]
    met, unknown = verdicts.count("met"), verdicts.count(NOT_MEASURED)
    return met, len(verdicts) - met - unknown, unknown


def _beside(results: Results, how: Callable[[Results], str | None]) -> tuple[str, str]:
    found = how(results)
    return (found, "other work, other machine") if found else ("", NOT_MEASURED)


def _patients(results: Results) -> str | None:
    found = results.load("hospital")
    p95 = found and found.median(stage("seen", "p95_us"))
    if not found or p95 is None:
        return None
    readings = number(found.offered("readings_per_s") * 60)
    return f"`hospital`: {readings} readings a minute, p95 {number(p95)} ms"


def _end_to_end(results: Results) -> str | None:
    p99 = run("hospital", stage("seen", "p99_us"))(results)
    return None if p99 is None else f"`hospital`: wire to console p99 {number(p99)} ms"


def _points(results: Results) -> str | None:
    found = sustained(results)
    return None if found is None else f"{number(found)} observations/s, 2 cores, PostgreSQL and generator on them"


def _age(results: Results) -> str | None:
    p99 = first(run("hospital", stage("scored", "p99_us")), run("hospital", stage("seen", "p99_us")))(results)
    return None if p99 is None else f"`hospital`: reading to score p99 {number(p99)} ms"


PUBLISHED: list[tuple[str, str, Callable[[Results], str | None]]] = [
    ("a real-time scoring service", "10,000 patients a minute at 150 ms p95", _patients),
    ("Mirth, Kafka and Flink", "18 s end to end", _end_to_end),
    ("ThingsBoard", "3,333 data points/s on 4 vCPU with PostgreSQL", _points),
    ("Epic's sepsis model", "a score every 15 minutes", _age),
]
