"""Runs benches one after the other, each in a process of its own with a time limit, and keeps what each found.

A run folder holds one JSON file a bench: bench, title, command, began, ended, load (1-minute averages before and
after), exit, failed (why, or empty), figures. Whatever a bench prints besides figures is kept beside it as text. A
bench that fails or hangs is reported and the next one runs.
"""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import Figure, machine, ratio, read

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "bench"
SCHEMA = 1


@dataclass(frozen=True)
class Bench:
    """One program to run."""

    name: str
    title: str
    argv: Sequence[str]
    seconds_max: float = 240.0
    environment: dict[str, str] = field(default_factory=dict)
    #: Figures of a program that prints none itself: made of its whole output once it has ended.
    figures_of: Callable[[str], list[Figure]] | None = None
    #: Left out unless it is asked for by name.
    on_request: bool = False


def run_all(benches: Sequence[Bench], purpose: str) -> int:
    """Command line of a list of benches; how many failed."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--out", type=Path, default=FOLDER, help="the run folder")
    parser.add_argument("--only", action="append", help="names of benches", choices=[one.name for one in benches])
    wanted = parser.parse_args()
    chosen = [one for one in benches if (one.name in wanted.only if wanted.only else not one.on_request)]
    wanted.out.mkdir(parents=True, exist_ok=True)
    # So that the bench under way ends with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began, failed = time.monotonic(), []
    for at, bench in enumerate(chosen, 1):
        minutes = (time.monotonic() - began) / 60
        print(f"\n[{at}/{len(chosen)}, {minutes:.1f} min] {bench.title}: {shlex.join(bench.argv)}", flush=True)
        why = run_one(bench, wanted.out)
        if why:
            failed.append(bench.name)
            print(f"  FAILED: {why}", flush=True)
    took = (time.monotonic() - began) / 60
    print(f"\n{len(chosen) - len(failed)} of {len(chosen)} in {took:.1f} min, kept in {wanted.out}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return len(failed)


def run_one(bench: Bench, folder: Path) -> str:
    """Run it, keep what it found; why it failed, or empty."""
    figures: list[Figure] = []
    began, load = datetime.now(UTC), os.getloadavg()[0]
    code, text, broken = _process(bench, figures)
    if bench.figures_of and code == 0:
        try:
            found = bench.figures_of(text)
        except Exception as error:
            broken = f"its output was not understood: {type(error).__name__}: {error}"
        else:
            figures += found
            for figure in found:
                _show(figure)
    failed = broken or ("" if code == 0 else _why(code, text, bench.seconds_max))
    kept = {
        "schema": SCHEMA,
        "bench": bench.name,
        "title": bench.title,
        "command": _command(bench.argv),
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": [round(load, 2), round(os.getloadavg()[0], 2)],
        "machine": machine(),
        "exit": code,
        "failed": failed,
        "figures": with_ratios(figures),
    }
    (folder / f"{bench.name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    (folder / f"{bench.name}.txt").write_text(text)
    return failed


def with_ratios(figures: list[Figure]) -> list[dict[str, object]]:
    """As they are kept: with median, extremes, and ratio and winner against the first of ours of the same key."""
    ours = {figure.key: figure for figure in reversed(figures) if figure.ours and figure.runs}
    kept: list[dict[str, object]] = []
    for figure in figures:
        one: dict[str, object] = asdict(figure)
        if figure.runs:
            one |= {"median": figure.median, "min": min(figure.runs), "max": max(figure.runs), "n": len(figure.runs)}
            if not figure.ours and figure.key in ours:
                times = ratio(ours[figure.key], figure)
                one |= {"ratio": times, "wins": ours[figure.key].who if times >= 1 else figure.who}
        kept.append(one)
    return kept


def _process(bench: Bench, figures: list[Figure]) -> tuple[int, str, str]:
    """Exit code (-9 where the time was over), output without figures, and what was wrong with a figure."""
    with subprocess.Popen(
        list(bench.argv),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | bench.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        return _watched(process, bench.seconds_max, figures)


def _watched(process: subprocess.Popen[str], seconds_max: float, figures: list[Figure]) -> tuple[int, str, str]:
    over = threading.Timer(seconds_max, lambda: os.killpg(process.pid, signal.SIGKILL))
    over.start()
    lines, broken = [], ""
    assert process.stdout is not None
    try:
        for line in process.stdout:
            try:
                figure = read(line)
            except (ValueError, TypeError) as error:
                broken = f"a figure was not understood: {error}"
                continue
            if figure is None:
                lines.append(line)
            else:
                figures.append(figure)
                _show(figure)
        code = process.wait()
    finally:
        over.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return code, "".join(lines), broken


def _show(figure: Figure) -> None:
    if figure.skipped:
        print(f"  {figure.key:<26} {figure.who:<28} not measured: {figure.skipped}", flush=True)
    else:
        extremes = f"{min(figure.runs):,.4g} to {max(figure.runs):,.4g}"
        print(f"  {figure.key:<26} {figure.who:<28} {figure.median:>14,.4g} {figure.unit}  ({extremes})", flush=True)


def _why(code: int, text: str, seconds_max: float) -> str:
    if code == -signal.SIGKILL:
        return f"ended after {seconds_max:.0f} s, or killed"
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return f"exit {code}: {re.sub(r'/[^ ]*/', '', said[-1])[:240] if said else 'said nothing'}"


def _command(argv: Sequence[str]) -> str:
    """As a reader types it."""
    first = "python" if argv[0] == sys.executable else Path(argv[0]).name
    return shlex.join([first, *argv[1:]])
