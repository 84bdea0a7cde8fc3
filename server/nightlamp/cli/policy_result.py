"""The result of a simulation for a person: two policies side by side, and what tells them apart."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

ROWS = (("severities", "severity"), ("units", "unit"), ("rules", "rule"))


def show(found: dict[str, Any], out: Console) -> None:
    """What nightlamp.policy_simulation.result says, as tables."""
    source, outcome = found["source"], found["outcome"]
    out.print(
        f"{source['patients']:,} patients, {source['patient_days']:,.1f} patient-days, {source['from']} to "
        f"{source['to']}; {source['frames']:,} frames in {found['seconds']:.1f} s",
        highlight=False,
    )
    out.print(source["data"], highlight=False, markup=False)
    happened = "" if outcome["happened"] is None else f"; {outcome['happened']:,} patients had the outcome"
    what = outcome["why_not"] or f"right: {outcome['what']}{happened}"
    out.print(what, highlight=False, markup=False)
    out.print(_figures(found["current"]["figures"], found["candidate"]["figures"]))
    out.print(_difference(found["difference"]))
    out.print(_shift(found["difference"]), highlight=False)
    for name in ("current", "candidate"):
        if over := found[name]["figures"]["over"]:
            out.print(f"{name}: {over:,} more alerts are in no figure: beyond what is kept", highlight=False)


def _figures(current: dict[str, Any], candidate: dict[str, Any]) -> Table:
    table = Table(box=None, header_style="bold", title="current policy (left) and candidate (right)")
    table.add_column("", no_wrap=True)
    for _ in ("current", "candidate"):
        for column in ("alerts", "/100 d", "right", "lead h"):
            table.add_column(column, justify="right", no_wrap=True)
    table.add_row("all patients'", *_cells(current["all"]), *_cells(candidate["all"]))
    for group, word in ROWS:
        mine = {one["name"]: one for one in current[group]}
        theirs = {one["name"]: one for one in candidate[group]}
        table.add_row(f"[dim]by {word}[/]")
        for name in dict.fromkeys((*mine, *theirs)):
            table.add_row(f"  {escape(name) or '(no bed)'}", *_cells(mine.get(name)), *_cells(theirs.get(name)))
    return table


def _cells(one: dict[str, Any] | None) -> tuple[str, str, str, str]:
    if one is None:
        return "-", "-", "-", "-"
    rate, ppv, lead = one["per_100_patient_days"], one["ppv"], one["lead_h"]
    return (
        f"{one['alerts']:,}",
        "-" if rate is None else f"{rate:.2f}",
        "-" if ppv is None else f"{ppv:.1%}",
        "-" if lead is None else f"{lead[1]:.1f}",
    )


def _difference(found: dict[str, Any]) -> Table:
    table = Table("cause", box=None, header_style="bold")
    for column in ("in both", "only current", "only candidate"):
        table.add_column(column, justify="right")
    for one in (found["all"], *found["causes"]):
        counts = (one["both"], one["only_current"], one["only_candidate"])
        table.add_row(one["cause"] or "all", *(f"{count:,}" for count in counts))
    return table


def _shift(found: dict[str, Any]) -> str:
    within = f"openings at most {found['tolerance_s'] / 60:g} min apart are one alert"
    if found["shift_s"] is None:
        return within
    low, middle, high = (shift / 60 for shift in found["shift_s"])
    return (
        f"{within}; of those in both the candidate opens {found['earlier']:,} earlier, {found['later']:,} later: "
        f"{middle:+.1f} min ({low:+.1f} to {high:+.1f})"
    )
