"""Load tests: one row a run of `nightlamp-loadtest`, and the searches for the highest rate."""

from typing import Any

from tests.bench.page.results import Results
from tests.bench.page.words import number, table

STAGES = ("acknowledged", "scored", "stored", "seen")


def scenarios(results: Results) -> str:
    """The table of all runs, and what was missed in each."""
    runs = sorted(results.runs, key=lambda run: str(run["head"]["started_at"]))
    if not runs:
        return "No load test is in this run folder."
    head = ["scenario", "offered", "acknowledged of sent", *(f"{name}, p50 / p99 ms" for name in STAGES)]
    lines = [table([*head, "server cores, RSS", "generator cores", "service levels"], [_row(run) for run in runs]), ""]
    for run in runs:
        missed = [one for one in run["slo"] if not one["met"]]
        said = [f"{one['name']} {_value(one['measured'])} where {number(one['limit'])} was wanted" for one in missed]
        said += [reason for reason in run["verdict"]["reasons"] if not missed]
        said += run["verdict"]["warnings"]
        name, facts = run["head"]["scenario"]["name"], run["head"]["scenario"]
        when = run["head"]["started_at"][:16].replace("T", " ")
        load = number(run["head"]["machine"]["load_1m_before"])
        lines.append(
            f"- `{name}`: {facts['about'].rstrip('.')}. `{command(run)}`, {when}, load before {load}"
            + (f". Not as wanted: {'; '.join(said)}." if said else ".")
        )
    return "\n".join(lines)


def command(run: dict[str, Any]) -> str:
    """How to run it again."""
    scenario = run["head"]["scenario"]
    return " ".join(["nightlamp-loadtest run", scenario["name"], *scenario["overrides"]])


def _row(run: dict[str, Any]) -> list[str]:
    facts, counted, server = run["head"]["scenario"], run["conservation"], run["server"]
    stages = {one["name"]: one["percentiles"] for one in run["stages"]}
    hl7 = f", {number(facts['hl7_per_s'])} HL7/s" if facts["hl7_per_s"] else ""
    offered = f"{number(facts['observations_per_s'])} observations/s{hl7}, {facts['consoles']} consoles"
    cores, used = server["cpu_cores_mean"], server["rss_bytes_max"]
    return [
        f"`{facts['name']}`",
        f"{offered}, {number(facts['duration_s'])} s",
        f"{counted['acknowledged']:,} of {counted['sent']:,}",
        *(_percentiles(stages.get(name)) for name in STAGES),
        f"{_value(cores)}, {_value(None if used is None else used / 2**20)} MiB",
        number(run["generator"]["cores_mean"]),
        "met" if run["verdict"]["passed"] else f"**exit {run['verdict']['exit_code']}**",
    ]


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
