"""Training is a function of its data and recipe, finds what is there, and writes only bundles that the engine takes."""

import dataclasses
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from nightlamp._core import Forest, Scorers
from nightlamp.score import bundle
from nightlamp.score.fit import dataset, feature_rows, out_of_fold
from nightlamp.score.folds import patient_folds
from nightlamp.score.recipe import Recipe, load, names
from nightlamp.score.train import Trained, train

from .ward_recording import recording


def small() -> Recipe:
    """The sepsis recipe with few and small trees."""
    recipe = load("sepsis")
    lightgbm = {**recipe.lightgbm, "num_leaves": 7, "min_data_in_leaf": 20, "neg_bagging_fraction": 0.5}
    return dataclasses.replace(recipe, trees=12, folds=3, lightgbm=lightgbm)


def quiet(_what: str, _done: int, _total: int) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(small(), recording(240, seed=1), quiet)


def test_the_same_data_give_the_same_files_byte_for_byte(trained: Trained, tmp_path: Path) -> None:
    again = train(small(), recording(240, seed=1), quiet)
    first, second = (bundle.write(t, tmp_path / n, "2026-01-01") for t, n in ((trained, "1"), (again, "2")))
    for name in ("model.txt", "manifest.toml", "metrics.json", "card.md"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    other = train(small(), recording(240, seed=2), quiet)
    assert other.model != trained.model


def test_what_is_in_the_data_is_found_out_of_fold(trained: Trained) -> None:
    assert trained.overall["auroc"] > 0.8
    assert trained.overall["auprc"] > 2 * trained.overall["prevalence"]
    assert trained.overall["utility"] > 0.2
    assert set(trained.by_site) == {"A", "B"}
    assert sum(fold["patients"] for fold in trained.by_fold) == 240


def test_labels_drawn_by_lot_are_not_predicted_out_of_fold() -> None:
    made_up = recording(240, seed=3)
    lot = np.random.default_rng(4).permutation(240)
    bounds = made_up.row_bounds()
    septic = np.add.reduceat(made_up.label, bounds[:-1]) > 0
    label = septic[lot][made_up.row_patient].astype(np.int8)
    recipe = dataclasses.replace(small(), plan={**load("sepsis").plan, "demographics": ["age_years"]})
    rows = feature_rows(recipe, made_up, quiet)
    fold = patient_folds(made_up.site, septic[lot], recipe.folds, recipe.seed)[made_up.row_patient]
    raw = out_of_fold(recipe, dataset(recipe, rows, label), rows, fold, quiet)
    assert abs(roc_auc_score(label, raw) - 0.5) < 0.15  # a leak of patients across folds gives .8 and more


def test_a_written_bundle_gives_the_risks_of_its_model(trained: Trained, tmp_path: Path) -> None:
    folder = bundle.write(trained, tmp_path, "2026-01-01")
    rows = feature_rows(trained.recipe, trained.recording, quiet)[:500]
    risk = np.frombuffer(Scorers([folder]).probabilities("sepsis", rows))
    raw = np.frombuffer(Forest(trained.model).predict_raw(rows, rows.shape[1]))
    assert np.abs(risk - trained.calibration.apply(raw)).max() < 1e-12
    listed = json.loads(Scorers([folder]).listing())[-1]
    assert (listed["name"], listed["kind"], listed["features"]) == ("sepsis", "model", trained.feature_names)
    assert tomllib.loads((folder / "manifest.toml").read_text())["plan"] == trained.recipe.plan


def test_a_bundle_the_engine_refuses_is_not_written(trained: Trained, tmp_path: Path) -> None:
    spoilt = dataclasses.replace(trained, model=trained.model.replace(b"objective=binary", b"objective=multiclass"))
    with pytest.raises(ValueError, match=r"model\.txt"):
        bundle.write(spoilt, tmp_path, "2026-01-01")
    assert not list(tmp_path.iterdir())


def test_every_recipe_compiles_in_the_serving_engine() -> None:
    assert names() == ["sepsis"]
    for name in names():
        features = load(name).engine().feature_names()
        assert 150 <= len(features) <= 250
        assert not [feature for feature in features if feature.startswith("EtCO2")]  # it would name the hospital
