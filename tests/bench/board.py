"""The ward board in a real Chromium: 200 patients, each updated every second; what the browser's own trace says of it.

Run it: python -m tests.bench.board [--patients 200] [--seconds 10] [--layout tiles|list]. Chromium draws in
software here (no GPU) on the cores that the server and this program use too, so a laptop does better. Printed: the
page's frames a second (requestAnimationFrame) and how many came late; by the trace what the main thread spent on a
frame, apart from drawing pixels, which other threads do; and what each did, in ms a second. Nothing is asserted.
"""

import argparse
import importlib
import json
import os
import shutil
import sys
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "browser")]
script = importlib.import_module("ward_script")
WardServer = importlib.import_module("ward_server").WardServer

FRAME_MS = 1_000 / 60
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
CATEGORIES = [
    "devtools.timeline",
    "toplevel",
    "disabled-by-default-devtools.timeline",
    "disabled-by-default-devtools.timeline.frame",
]
#: A thread's tasks from beginning to end.
TASKS = {"RunTask", "ThreadPool_RunTask"}
#: What the main thread does, by the names of the trace's events.
WORK = {
    "script": {"FireAnimationFrame", "TimerFire", "WebSocketReceive"},
    "style": {"UpdateLayoutTree", "RecalculateStyles"},
    "layout": {"Layout"},
    "paint": {"PrePaint", "Paint", "Layerize", "Commit"},
    "collecting": {"MinorGC", "MajorGC", "BlinkGC.AtomicPhase"},
}
WATCH = """() => { window.frames_ms = []; let last = performance.now();
  const look = (now) => { window.frames_ms.push(now - last); last = now; requestAnimationFrame(look); };
  requestAnimationFrame(look); }"""


def measure(browser: Browser, ward: Any, patients: int, seconds: int, layout: str) -> dict[str, Any]:
    """Figures of one run."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    ward.offer(*[script.patient(1, n, n % 9, hr=60) for n in range(1, patients + 1)])
    page.goto(f"{ward.url}/console/#token=once")
    page.locator(".tile").nth(patients - 1).wait_for(state="attached")
    if layout == "list":
        page.get_by_role("button", name="List").click()
    time.sleep(2)
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.evaluate(WATCH)
    began = time.monotonic()
    for second in range(seconds):
        messages = [
            script.patient(second + 2, n, (n + second // 4) % 9, hr=60 + second) for n in range(1, patients + 1)
        ]
        for part in range(10):
            ward.offer(*messages[part::10])
            time.sleep(max(0.0, began + second + (part + 1) / 10 - time.monotonic()))
    frames = page.evaluate("window.frames_ms")[1:]
    events = json.loads(browser.stop_tracing())["traceEvents"]
    page.close()
    threads = _threads(events)
    main = _page_main(events, threads)
    tasks = [one for one in events if _is_task(one) and _thread(one) == main]
    begins = sorted(one["ts"] for one in events if one.get("name") == "BeginMainThreadFrame" and _thread(one) == main)
    return {
        "frames": frames,
        "work": _work(events, main),
        "per_frame": {
            "by the clock": _per_frame(tasks, begins, "dur"),
            "of processor": _per_frame(tasks, begins, "tdur"),
        },
        "others": _others(events, threads, main),
    }


def _thread(one: dict[str, Any]) -> tuple[int, int]:
    return one["pid"], one["tid"]


def _is_task(one: dict[str, Any]) -> bool:
    return one.get("ph") == "X" and one["name"] in TASKS and "dur" in one


def _threads(events: list[dict[str, Any]]) -> dict[tuple[int, int], str]:
    return {_thread(one): str(one["args"].get("name")) for one in events if one.get("name") == "thread_name"}


def _page_main(events: list[dict[str, Any]], threads: dict[tuple[int, int], str]) -> tuple[int, int]:
    """The main thread that drew the frames: Chromium keeps a spare renderer beside it."""
    drawn = Counter(_thread(one) for one in events if one.get("name") == "FireAnimationFrame")
    return next(thread for thread, _ in drawn.most_common() if threads.get(thread) == "CrRendererMain")


def _work(events: list[dict[str, Any]], main: tuple[int, int]) -> dict[str, float]:
    """Milliseconds of the page's main thread by kind, and `all`: its tasks from beginning to end."""
    found: dict[str, float] = defaultdict(float)
    for one in events:
        if one.get("ph") != "X" or _thread(one) != main:
            continue
        ms = one.get("dur", 0) / 1_000
        if one["name"] in TASKS:
            found["all"] += ms
        for kind, names in WORK.items():
            if one["name"] in names:
                found[kind] += ms
    return found


def _per_frame(tasks: list[dict[str, Any]], begins: list[int], kind: str) -> list[float]:
    """Main-thread milliseconds between the beginnings of two frames: all that ran, messages and timers included.

    `dur` is by the clock, waiting for a core included; `tdur` what the thread had of a core.
    """
    spent = [0.0] * max(0, len(begins) - 1)
    for one in tasks:
        frame = bisect_right(begins, one["ts"]) - 1
        if 0 <= frame < len(spent):
            spent[frame] += one.get(kind, one["dur"]) / 1_000
    return sorted(spent)


def _others(
    events: list[dict[str, Any]], threads: dict[tuple[int, int], str], main: tuple[int, int]
) -> dict[str, float]:
    """Milliseconds of the browser's other threads by name: without a GPU it draws with them."""
    found: dict[str, float] = defaultdict(float)
    for one in events:
        if _is_task(one) and _thread(one) != main:
            found[threads.get(_thread(one), "unnamed").rstrip("0123456789/ ")] += one["dur"] / 1_000
    return dict(sorted(found.items(), key=lambda item: -item[1])[:6])


def _at(sorted_ms: list[float], share: float) -> float:
    return sorted_ms[min(len(sorted_ms) - 1, int(len(sorted_ms) * share))]


def main() -> None:
    """Measure once and print."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--patients", type=int, default=200)
    wanted.add_argument("--seconds", type=int, default=10)
    wanted.add_argument("--layout", choices=["tiles", "list"], default="tiles")
    asked = wanted.parse_args()
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    ward = WardServer()
    ward.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            told = measure(browser, ward, asked.patients, asked.seconds, asked.layout)
            browser.close()
    finally:
        ward.kill()
    _print(told, asked)


def _print(told: dict[str, Any], asked: argparse.Namespace) -> None:
    seconds = sum(told["frames"]) / 1_000
    frames = sorted(told["frames"])
    late = sum(1 for ms in frames if ms > 1.5 * FRAME_MS)
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{asked.patients} patients as {asked.layout}, each updated every second, {seconds:.1f} s, load {load}")
    print(
        f"frames {len(frames) / seconds:.1f}/s, p50 {_at(frames, 0.5):.1f} p95 {_at(frames, 0.95):.1f} "
        f"p99 {_at(frames, 0.99):.1f} longest {frames[-1]:.1f} ms; {late} of {len(frames)} came a frame or more late"
    )
    for kind, spent in told["per_frame"].items():
        within = sum(1 for ms in spent if ms <= FRAME_MS)
        print(
            f"main thread a frame, ms {kind}: p50 {_at(spent, 0.5):.1f} p95 {_at(spent, 0.95):.1f} "
            f"p99 {_at(spent, 0.99):.1f} longest {spent[-1]:.1f}; {within} of {len(spent)} within {FRAME_MS:.1f}"
        )
    for what, found in (("main thread", told["work"]), ("other threads", told["others"])):
        print(f"{what}, ms a second: " + ", ".join(f"{kind} {ms / seconds:.0f}" for kind, ms in found.items()))


if __name__ == "__main__":
    main()
