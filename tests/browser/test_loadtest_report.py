"""The load test's report in a browser: every chart is drawn and legible, and nothing is fetched."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from loadtest_result import result
from playwright.sync_api import Browser
from test_evaluation_report import CONTRAST_MIN, LEGIBLE

ROOT = Path(__file__).resolve().parents[2]
LOADTEST = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "nightlamp-loadtest"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loadtest")
    for name, slower in (("old", 1.0), ("new", 1.5)):
        (folder / f"{name}.json").write_text(json.dumps(result(slower)))
    return folder


def _run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LOADTEST, *map(str, words)], capture_output=True, text=True, check=False, timeout=30)


def test_compare_ends_with_one_for_a_regression_and_with_two_for_what_is_no_result(results: Path) -> None:
    worse = _run("compare", results / "old.json", results / "new.json")
    assert worse.returncode == 1, worse.stderr
    assert "seen, p99" in worse.stdout
    assert "WORSE" in worse.stdout
    assert _run("compare", results / "old.json", results / "old.json").returncode == 0
    (results / "none.json").write_text("{}")
    assert _run("compare", results / "old.json", results / "none.json").returncode == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_and_legible_and_nothing_is_fetched(chromium: Browser, results: Path, scheme: str) -> None:
    html = results / "report.html"
    drawn = _run("report", results / "new.json", "--against", results / "old.json", "--html", html)
    assert drawn.returncode == 0, drawn.stderr
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 900}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: asked.append(said.text))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.goto(html.as_uri())
    charts = page.locator(".plot[role=img]")
    assert charts.count() >= 10
    for chart in charts.all():
        box = chart.bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 100
        assert chart.locator("path").count() >= 2
    assert page.evaluate(LEGIBLE) >= CONTRAST_MIN
    charts.nth(3).hover()
    assert page.locator(".hair").count() == page.locator(".chart[data-shared]").count()
    for width in (1200, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert asked == [html.as_uri()]
    context.close()
