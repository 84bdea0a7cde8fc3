"""Comparisons with peers, and our figures alone."""

from typing import Any

from tests.bench.page.results import Results
from tests.bench.page.words import bars, number, table

#: Keys of comparisons and what stands over them, in order.
TITLES = {
    "decode.rust": "HL7 in Rust",
    "decode.python": "HL7 from Python and Java",
    "forest.64": "Forest, batches of 64",
    "forest.256": "Forest, batches of 256",
    "forest.1": "Forest, one row",
    "shap": "TreeSHAP",
    "window.row": "Windows",
    "mqtt.peers": "MQTT",
    "store.10000": "COPY, batches of 10,000",
    "store.1000": "COPY, batches of 1,000",
    "http.peers": "HTTP",
    "stream.small": "WebSocket, small states",
    "stream.whole": "WebSocket, whole states",
}


def comparisons(results: Results) -> list[str]:
    """A part for each key that has somebody beside us."""
    parts = []
    keys = [*TITLES, *(key for key in results.names() if key not in TITLES)]
    for bench in results.benches:
        shown = [key for key in keys if any(one["key"] == key for one in bench["figures"])]
        for key in shown:
            figures = [one for one in bench["figures"] if one["key"] == key]
            if any(not one["ours"] for one in figures):
                parts.append(_comparison(TITLES.get(key, key), figures, bench))
    return parts


def _comparison(title: str, figures: list[dict[str, Any]], bench: dict[str, Any]) -> str:
    measured = [one for one in figures if one["runs"]]
    lines = [f"### {title}", ""]
    if not measured:
        return "\n".join([*lines, *(f"{one['who']}: not measured, {one['skipped']}" for one in figures)])
    best = measured[0]
    lines += [
        f"{best['what']}; {best['unit']}, {'more' if best['better'] == 'higher' else 'less'} is better. "
        f"`{bench['command']}`, {bench['began'][:16].replace('T', ' ')} UTC, "
        f"load {bench['load'][0]} to {bench['load'][1]}.",
        "",
        table(
            ["who", "version", "median", "min to max", "runs", "nightlamp is", "included"],
            [_row(one) for one in figures],
        ),
        "",
        bars({one["who"]: one["median"] for one in measured}, best["unit"]),
    ]
    lost = [one["who"] for one in measured if one.get("wins") == one["who"]]
    lines += ["", f"Faster than nightlamp here: {', '.join(lost)}." if lost else "nightlamp wins against all of them."]
    return "\n".join(lines)


def _row(figure: dict[str, Any]) -> list[str]:
    if not figure["runs"]:
        return [figure["who"], figure["version"], "not measured", "", "", "", figure["skipped"]]
    times = figure.get("ratio")
    beside = (
        "" if times is None else f"{number(times)} times faster" if times >= 1 else f"{number(1 / times)} times slower"
    )
    extremes = f"{number(figure['min'])} to {number(figure['max'])}"
    who = f"**{figure['who']}**" if figure["ours"] else figure["who"]
    return [who, figure["version"], number(figure["median"]), extremes, str(figure["n"]), beside, figure["included"]]


def own(results: Results) -> str:
    """Our figures that stand beside nobody."""
    rows = []
    for bench in results.benches:
        beside = {one["key"] for one in bench["figures"] if not one["ours"]}
        for one in bench["figures"]:
            if one["key"] in beside:
                continue
            who = one["who"].removeprefix("nightlamp").removeprefix(", ")
            what = f"{one['what']}{f' ({who})' if who else ''}"
            if not one["runs"]:
                rows.append([what, "not measured", one["skipped"], "", "", f"`{bench['command']}`"])
                continue
            extremes = f"{number(one['min'])} to {number(one['max'])}"
            median = f"{number(one['median'])} {one['unit']}"
            rows.append([what, median, extremes, str(one["n"]), one["included"], f"`{bench['command']}`"])
    return table(["what", "median", "min to max", "runs", "included", "command"], rows)


def failures(results: Results) -> str:
    """Benches that failed; empty where none did."""
    lines = [f"- {one['title']} (`{one['command']}`): {one['failed']}" for one in results.benches if one["failed"]]
    return "\n".join(lines)
