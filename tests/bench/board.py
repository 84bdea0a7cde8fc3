"""The ward board in a real Chromium: 200 patients, each updated every second; what the browser's own trace says of it.

Run it: python -m tests.bench.board [--patients 200] [--seconds 10] [--layout tiles|list]. Chromium draws in
software here (no GPU) on the cores that the server and this program use too, so a laptop does better. Printed: the
page's frames a second (requestAnimationFrame), how many came later than two frames' time, the longest, and what the
main thread did by the trace, milliseconds of each second. Nothing is asserted.
"""

import argparse
import importlib
import json
import shutil
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "browser")]
script = importlib.import_module("ward_script")
WardServer = importlib.import_module("ward_server").WardServer

FRAME_MS = 1_000 / 60
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
CATEGORIES = ["devtools.timeline", "toplevel", "disabled-by-default-devtools.timeline"]
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
    frames = page.evaluate("window.frames_ms")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    page.close()
    return {"frames": sorted(frames[1:]), "work": _work(events), "seconds": time.monotonic() - began}


def _work(events: list[dict[str, Any]]) -> dict[str, float]:
    """Milliseconds of the page's main thread by kind, and `all`: its tasks from beginning to end."""
    threads = {
        (one["pid"], one["tid"])
        for one in events
        if one.get("name") == "thread_name" and one["args"].get("name") == "CrRendererMain"
    }
    found: dict[str, float] = defaultdict(float)
    for one in events:
        if one.get("ph") != "X" or (one["pid"], one["tid"]) not in threads:
            continue
        ms = one.get("dur", 0) / 1_000
        if one["name"] == "RunTask":
            found["all"] += ms
            found["longest"] = max(found["longest"], ms)
        for kind, names in WORK.items():
            if one["name"] in names:
                found[kind] += ms
    return found


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
    frames, work, seconds = told["frames"], told["work"], told["seconds"]
    late = sum(1 for ms in frames if ms > 2 * FRAME_MS)
    print(f"{asked.patients} patients as {asked.layout}, each updated every second, {seconds:.1f} s")
    print(
        f"frames {len(frames) / seconds:.1f}/s, median {frames[len(frames) // 2]:.1f} ms, "
        f"p99 {frames[int(len(frames) * 0.99)]:.1f} ms, longest {frames[-1]:.1f} ms, "
        f"{late} of {len(frames)} later than two frames' time"
    )
    print("main thread, ms a second: " + ", ".join(f"{kind} {ms / seconds:.0f}" for kind, ms in sorted(work.items())))


if __name__ == "__main__":
    main()
