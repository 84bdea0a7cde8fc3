"""Cards take their figures from metrics.json alone, say what was missed, and do not hide what was not said."""

import json
from pathlib import Path

import pytest

from nightlamp.score import bundle
from nightlamp.score.card import HEADINGS, UNSTATED, card, find, target
from nightlamp.score.recipe import load
from nightlamp.score.train import train

from .test_training import quiet, small
from .ward_recording import recording


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle.write(
        train(small(), recording(240, seed=1), quiet, 20), tmp_path_factory.mktemp("models"), "2026-01-01"
    )


def test_every_heading_is_there_and_none_is_empty(folder: Path) -> None:
    sections = dict(one.split("\n", 1) for one in (folder / "card.md").read_text().split("\n## ")[1:])
    assert list(sections) == list(HEADINGS)
    assert all(text.strip() for text in sections.values())


def test_what_the_recipe_does_not_say_is_said_not_to_be_said(folder: Path) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    about = {
        "name": "x", "version": "1", "created": "2026-01-01", "outcome": "y", "horizon_h": 6.0, "thresholds": {},
        "training": {"fingerprint": "0" * 64}, "calibration": {"a": 1.0, "b": 0.0},
    }  # fmt: skip
    text = card(about, metrics, {"developer": "AUROC {{ figure('overall.auroc', 4) }}"})
    assert text.count(UNSTATED) > 10
    assert f"AUROC {metrics['overall']['auroc']:.4f}" in text


def test_prose_cannot_name_a_figure_that_was_not_measured(folder: Path) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    with pytest.raises(ValueError, match=r"overall\.auroc_in_space"):
        find(metrics, "overall.auroc_in_space")
    assert find(metrics, "by_hospital.A.auroc") == metrics["by_hospital"]["A"]["auroc"]
    rows = [{"source": "A", "target": "B", "means": "plain", "auroc": 0.7}]
    assert find({"transfer": rows}, "transfer.A.B.plain.auroc") == 0.7


def test_a_missed_target_says_by_how_much_and_what_was_tried() -> None:
    metrics = {"overall": {"auroc": 0.84, "ece": 0.002}}
    missed = target(metrics, {"name": "a", "figure": "overall.auroc", "at_least": 0.85, "tried": "more trees"})
    assert (missed["met"], missed["tried"]) == (False, "more trees")
    assert missed["short_by"] == pytest.approx(0.01)
    assert target(metrics, {"name": "b", "figure": "overall.ece", "at_most": 0.003})["met"]
    with pytest.raises(ValueError, match="neither"):
        target(metrics, {"name": "c", "figure": "overall.ece"})


def test_every_recipe_answers_every_heading() -> None:
    from nightlamp.score.card import PROSE
    from nightlamp.score.recipe import names

    for name in names():
        assert set(PROSE) <= set(load(name).card), name
