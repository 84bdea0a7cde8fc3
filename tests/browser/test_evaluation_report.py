"""The evaluation report in a browser: every chart is drawn, light and dark are both legible, and nothing is fetched.

Real data through the command line where they are at hand, with the committed bundle.
"""

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from typer.testing import CliRunner

from nightlamp.cli.root import app

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("NIGHTLAMP_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data" / "physionet2019"
CONTRAST_MIN = 4.5
LEGIBLE = """() => {
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map(Number)
      .map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const page = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll('svg text, td, th, p, dd, figcaption')].map((one) => {
    const style = getComputedStyle(one);
    const ink = light(one instanceof SVGElement ? style.fill : style.color);
    return (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05);
  }).reduce((a, b) => Math.min(a, b), 99);
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent: the PhysioNet/CinC Challenge 2019 training sets, open access at PhysioNet")
    out = tmp_path_factory.mktemp("report")
    words = ["evaluate", "sepsis", "--data", str(DATA), "--patients", "300", "--out", str(out)]
    result = CliRunner().invoke(app, [*words, "--models", str(ROOT / "models")])
    assert result.exit_code == 0, result.output
    assert "Optimistic" in result.output
    return out


def test_the_command_writes_figures_of_every_kind(report: Path) -> None:
    found = json.loads((report / "report.json").read_text())
    assert found["headline"].startswith("Optimistic")  # the committed bundle was trained on these patients
    assert found["data"]["patients"] == 300
    assert set(found["rules"]) == {"NEWS2", "MEWS", "qSOFA", "SIRS"}
    assert [row["budget"] for row in found["alert_budgets"]] == [1, 2, 5, 10, 20, 50]
    for rows in (found["alert_budgets"], *found["alert_budgets_of_rules"].values()):
        assert all(row["episodes_per_100_patient_days"] <= row["budget"] for row in rows)
    assert sum(one["rows"] for one in found["by_sex"].values()) == found["overall"]["rows"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_and_legible_and_nothing_is_fetched(chromium: Browser, report: Path, scheme: str) -> None:
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 900}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: asked.append(said.text))
    page.goto((report / "report.html").as_uri())
    assert asked == [(report / "report.html").as_uri()]
    charts = page.locator("svg[role=img]")
    assert charts.count() >= 8
    for chart in charts.all():
        box = chart.bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 150
        assert chart.locator("path, use").count() > 20
        assert len(chart.text_content() or "") > 10
    assert page.evaluate(LEGIBLE) >= CONTRAST_MIN
    for width in (1200, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
