"""The committed bundles: loaded and hashed by the engine, their forest equal to lightgbm, figures and card agreeing."""

import hashlib
import json
import tomllib
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from nightlamp._core import FeatureEngine, Forest, Scorers
from nightlamp.score import bundle
from nightlamp.score.card import HEADINGS, UNSTATED, find
from nightlamp.score.card import card as written
from nightlamp.score.recipe import load

BUNDLES = sorted(path.parent for path in (Path(__file__).resolve().parents[2] / "models").glob("*/*/manifest.toml"))


@pytest.fixture(params=BUNDLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def folder(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


def test_there_is_a_sepsis_bundle() -> None:
    assert "sepsis" in {path.parent.name for path in BUNDLES}


def test_the_engine_loads_it_and_it_is_what_its_manifest_says(folder: Path) -> None:
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    model = (folder / "model.txt").read_bytes()
    assert (manifest["name"], manifest["version"]) == (folder.parent.name, folder.name)
    assert hashlib.sha256(model).hexdigest() == manifest["model_sha256"]
    assert len(model) <= 8_000_000
    listed = json.loads(Scorers([folder]).listing())[-1]
    assert listed["sha256"] == manifest["model_sha256"]
    assert FeatureEngine((folder / "manifest.toml").read_bytes()).fingerprint() == manifest["training"]["fingerprint"]


def test_its_forest_equals_lightgbm(folder: Path) -> None:
    model = (folder / "model.txt").read_bytes()
    booster = lgb.Booster(model_str=model.decode())
    draw = np.random.default_rng(11)
    rows = edge_rows(booster, draw, 4_000)
    raw = np.frombuffer(Forest(model).predict_raw(rows, rows.shape[1]))
    assert np.abs(raw - booster.predict(rows, raw_score=True, num_threads=1)).max() < 1e-12
    leaves = np.frombuffer(Forest(model).predict_leaf(rows[:500], rows.shape[1]), dtype=np.uint32).reshape(500, -1)
    assert (leaves == booster.predict(rows[:500], pred_leaf=True, num_threads=1)).all()


def values_of(model: str, key: str) -> list[float]:
    """The numbers of a key of all trees in LightGBM's text."""
    lines = (line.partition("=") for line in model.splitlines())
    return [float(number) for name, _, numbers in lines if name == key for number in numbers.split()]


def edge_rows(booster: lgb.Booster, draw: np.random.Generator, count: int) -> np.ndarray:
    """Rows of the model's own thresholds and their neighbours, a fifth missing: where a wrong comparison would show."""
    split, threshold = (np.array(values_of(booster.model_to_string(), key)) for key in ("split_feature", "threshold"))
    rows = np.full((count, booster.num_feature()), np.nan, dtype=np.float32)
    for at in range(booster.num_feature()):
        thresholds = threshold[split == at].astype(np.float32)
        if not len(thresholds):
            thresholds = np.zeros(1, dtype=np.float32)
        picked = draw.choice(thresholds, size=count)
        moved = np.nextafter(picked, draw.choice([-np.inf, np.inf], size=count).astype(np.float32), dtype=np.float32)
        rows[:, at] = np.where(draw.random(count) < 0.5, picked, moved)
    rows[draw.random(rows.shape) < 0.2] = np.nan
    return rows


def test_its_manifest_gives_the_figures_of_its_metrics(folder: Path) -> None:
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    figures = json.loads((folder / "metrics.json").read_text())
    assert manifest["metrics"]["overall"] == bundle.flat(figures["overall"])
    for key in ("auroc", "auprc", "prevalence"):
        low, high = figures["overall"]["ci95"][key]
        assert low < figures["overall"][key] < high
    if "bedside" in manifest["thresholds"]:
        assert manifest["thresholds"]["bedside"]["value"] == figures["bedside"]["enter"]
    for row in figures.get("flagged", []):
        assert manifest["thresholds"][f"flag_{row['share'] * 100:g}_percent"]["value"] == row["enter"]


def test_its_card_answers_every_heading(folder: Path) -> None:
    card = (folder / "card.md").read_text()
    sections = dict(section.split("\n", 1) for section in card.split("\n## ")[1:])
    assert list(sections) == list(HEADINGS)
    for heading, text in sections.items():
        assert text.strip(), heading
        assert UNSTATED not in text, heading


def test_its_card_is_its_metrics_and_its_recipes_words(folder: Path) -> None:
    """So every figure in it is one of metrics.json: none is typed by hand."""
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    recipe = load(manifest["name"])
    if recipe.version != manifest["version"]:
        pytest.skip(f"the recipe is of version {recipe.version} by now")
    figures = json.loads((folder / "metrics.json").read_text())
    assert (folder / "card.md").read_text() == written(manifest, figures, recipe.card)
    for key, text in recipe.card.items():
        for one in text if isinstance(text, list) else []:
            assert isinstance(find(figures, one["figure"]), float), key


def test_it_predicts_better_than_a_plain_model_need(folder: Path) -> None:
    """A floor below which something is broken; the published untuned LightGBM is .841 and .416."""
    overall = json.loads((folder / "metrics.json").read_text())["overall"]
    if folder.parent.name == "sepsis":
        assert overall["auroc"] > 0.82
        assert overall["auprc"] > 5 * overall["prevalence"]
        assert overall["utility"] > 0.38
        assert overall["ece"] < 0.01
