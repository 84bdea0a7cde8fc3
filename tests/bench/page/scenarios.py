"""Load tests: one row a scenario with the medians of its runs, and the searches for the highest rate."""

from typing import Any

from tests.bench.page.results import Load, Results
from tests.bench.page.words import number, table

STAGES = ("acknowledged", "scored", "stored", "seen")


def scenarios(results: Results) -> str:
    """The table of all loads, and what was missed in each."""
    head = ["scenario", "offered", "acknowledged of sent", *(f"{name}, p50 / p99 ms" for name in STAGES)]
    head += ["server cores, RSS", "generator cores", "runs that met their levels"]
    loads = results.loads()
    return "\n".join([table(head, [_row(load) for load in loads]), "", *(_notes(load) for load in loads)])


def _row(load: Load) -> list[str]:
    facts = load.scenario
    hl7 = f", {number(load.offered('hl7_per_s'))} HL7/s" if facts["hl7_per_s"] else ""
    offered = f"{number(load.offered('observations_per_s'))} observations/s{hl7}, {facts['consoles']} consoles"
    sent, answered = (sum(run["conservation"][name] for run in load.runs) for name in ("sent", "acknowledged"))
    used = load.median(lambda run: run["server"]["rss_bytes_max"])
    return [
        " ".join([f"`{facts['name']}`", *(f"`{option}`" for option in facts["overrides"])]),
        f"{offered}, {number(facts['duration_s'])} s",
        f"{answered:,} of {sent:,}",
        *(_stage(load, name) for name in STAGES),
        f"{_value(load.median(_cores))}, {_value(None if used is None else used / 2**20)} MiB",
        _value(load.median(lambda run: run["generator"]["cores_mean"])),
        f"{load.passed} of {len(load.runs)}",
    ]


def _cores(run: dict[str, Any]) -> float | None:
    cores: float | None = run["server"]["cpu_cores_mean"]
    return cores


def _stage(load: Load, name: str) -> str:
    def of(field: str) -> float | None:
        def value(run: dict[str, Any]) -> float | None:
            stages = {one["name"]: one["percentiles"] for one in run["stages"]}
            return stages[name][field] if name in stages and stages[name]["count"] else None

        return load.median(value)

    p50, p99 = of("p50_us"), of("p99_us")
    return "" if p50 is None or p99 is None else f"{number(p50 / 1e3)} / {number(p99 / 1e3)}"


def _notes(load: Load) -> str:
    """What it is, how to run it again, when it ran, and what was not as wanted in which run."""
    facts, first, last = load.scenario, load.runs[0]["head"], load.runs[-1]["head"]
    loads = [run["head"]["machine"]["load_1m_before"] for run in load.runs]
    command = " ".join(["nightlamp-loadtest run", facts["name"], *facts["overrides"]])
    when = first["started_at"][:16].replace("T", " ") + (f" to {last['started_at'][11:16]}" if load.runs[1:] else "")
    before = number(min(loads)) + (f" to {number(max(loads))}" if load.runs[1:] else "")
    wrong = [f"run {at}: {'; '.join(said)}" for at, run in enumerate(load.runs, 1) if (said := _wrong(run))]
    ending = f". Not as wanted in {'. In '.join(wrong)}." if wrong else "."
    return f"- `{facts['name']}`: {facts['about'].rstrip('.')}. `{command}`, {when}, load before {before}{ending}"


def _wrong(run: dict[str, Any]) -> list[str]:
    missed = [one for one in run["slo"] if not one["met"]]
    said = [f"{one['name']} {_value(one['measured'])} where {number(one['limit'])} was wanted" for one in missed]
    return [*said, *(run["verdict"]["reasons"] if not missed else []), *run["verdict"]["warnings"]]


def _percentiles(found: dict[str, Any] | None) -> str:
    if not found or not found["count"]:
        return ""
    return f"{number(found['p50_us'] / 1e3)} / {number(found['p99_us'] / 1e3)}"


def _value(value: float | None) -> str:
    return "?" if value is None else number(value)


def searches(results: Results) -> str:
    """Steps of each search; empty where there is none."""
    parts = []
    for search in results.searches:
        name = search["head"]["scenario"]["name"]
        rows = [
            [
                number(step["observations_per_s"]),
                number(step["acknowledged_per_s"]),
                _percentiles(step["stages"].get("acknowledged")),
                _percentiles(step["stages"].get("seen")),
                _value(step["server_cpu_cores"]),
                number(step["generator_cpu_cores"]),
                "held" if step["held"] else f"not held: {step['why']}",
            ]
            for step in search["steps"]
        ]
        head = ["observations/s", "acknowledged/s", "acknowledged, p50 / p99 ms", "seen, p50 / p99 ms", "server cores"]
        best = search["best_observations_per_s"]
        found = f"Highest held: {number(best)} observations/s." if best else "No step was held."
        parts.append(
            f"Search over `{name}` (`nightlamp-loadtest search {name}`). {found}\n\n"
            + table([*head, "generator cores", ""], rows)
        )
    return "\n\n".join(parts)
