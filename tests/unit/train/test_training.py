"""Training is a function of its data and recipe, finds what is there, and writes only bundles that the engine takes."""

import dataclasses
import json
import tomllib
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from nightlamp._core import Forest, Scorers
from nightlamp.score import bundle
from nightlamp.score.fit import booster_text, dataset, feature_rows, model_text, out_of_fold, raw_scores
from nightlamp.score.folds import development, patient_folds
from nightlamp.score.labels import Labels, labels
from nightlamp.score.merge import mean_of
from nightlamp.score.recipe import Member, Recipe, load, names
from nightlamp.score.recording import HOUR_US
from nightlamp.score.train import Trained, train

from .ward_recording import recording


def small() -> Recipe:
    """The sepsis recipe with few and small trees."""
    recipe = load("sepsis")
    lightgbm = {**recipe.lightgbm, "num_leaves": 7, "min_data_in_leaf": 20}
    members = [Member(copies=2), Member(trees=6, early_h=4, lightgbm={"feature_fraction": 0.2})]
    return dataclasses.replace(recipe, trees=12, folds=3, negatives=0.5, lightgbm=lightgbm, members=members)


def quiet(_what: str, _done: int, _total: int) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(small(), recording(240, seed=1), quiet, 20)


def test_the_same_data_give_the_same_files_byte_for_byte(trained: Trained, tmp_path: Path) -> None:
    again = train(small(), recording(240, seed=1), quiet, 20)
    first, second = (bundle.write(t, tmp_path / n, "2026-01-01") for t, n in ((trained, "1"), (again, "2")))
    for name in ("model.txt", "manifest.toml", "metrics.json", "card.md"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    other = train(small(), recording(240, seed=2), quiet, 20)
    assert other.model != trained.model


def test_what_is_in_the_data_is_found_out_of_fold(trained: Trained) -> None:
    assert trained.figures["overall"]["auroc"] > 0.8
    assert trained.figures["overall"]["auprc"] > 2 * trained.figures["overall"]["prevalence"]
    assert trained.figures["overall"]["utility"] > 0.2
    assert set(trained.figures["by_hospital"]) == {"A", "B"}
    half = development(trained.recording)
    by_half = trained.figures["by_half"]
    counts = by_half["development"]["patients"], by_half["confirmation"]["patients"]
    assert counts == (half.sum(), (~half).sum())
    assert sum(fold["patients"] for fold in trained.figures["by_fold"]) == 240


def test_labels_drawn_by_lot_are_not_predicted_out_of_fold() -> None:
    made_up = recording(240, seed=3)
    lot = np.random.default_rng(4).permutation(240)
    bounds = made_up.row_bounds()
    septic = np.add.reduceat(made_up.label, bounds[:-1]) > 0
    label = septic[lot][made_up.row_patient].astype(np.int8)
    recipe = dataclasses.replace(small(), plan={**load("sepsis").plan, "demographics": ["age_years"]})
    rows = feature_rows(recipe, made_up, quiet)
    fold = patient_folds(made_up.site, septic[lot], recipe.folds, recipe.seed)[made_up.row_patient]
    drawn = labels(dataclasses.replace(made_up, label=label), "recorded")
    raw = out_of_fold(recipe, dataset(recipe, rows), rows, drawn, bounds, fold, lambda: None)
    assert abs(roc_auc_score(label, raw) - 0.5) < 0.15  # a leak of patients across folds gives .8 and more


def test_an_ensembles_raw_score_is_the_mean_of_its_members(trained: Trained) -> None:
    recipe, made_up = trained.recipe, trained.recording
    rows, bounds, everyone = feature_rows(recipe, made_up, quiet), made_up.row_bounds(), np.ones(made_up.rows, np.bool_)
    data = dataset(recipe, rows)
    texts = [booster_text(one, data, everyone, trained.labels, bounds) for one in recipe.boosters()]
    assert [text.count("Tree=") for text in texts] == [12, 12, 6]
    assert len(set(texts)) == 3
    apart = np.mean([raw_scores(text.encode(), rows) for text in texts], axis=0)
    merged = mean_of(texts)
    assert merged.encode() == trained.model
    assert np.abs(raw_scores(merged.encode(), rows) - apart).max() < 1e-12
    by_package = lgb.Booster(model_str=merged).predict(rows, raw_score=True)
    assert np.abs(by_package - apart).max() < 1e-12


def test_models_of_other_features_have_no_mean(trained: Trained) -> None:
    text = trained.model.decode()
    with pytest.raises(ValueError, match="differ in features"):
        mean_of([text, text.replace("feature_names=HR.last", "feature_names=XX.last")])


def test_rows_not_asked_are_in_no_fit_and_no_figure() -> None:
    made_up, recipe = recording(240, seed=5), small()
    bounds, everyone = made_up.row_bounds(), np.ones(made_up.rows, np.bool_)
    data = dataset(recipe, feature_rows(recipe, made_up, quiet))
    late = (made_up.row_at_us > 20 * HOUR_US) & (made_up.label == 1)
    outcome = Labels(np.where(late, -1, made_up.label).astype(np.int8), np.full(240, -1))
    same = model_text(recipe, data, everyone, outcome, bounds, lambda: None)
    assert same == model_text(recipe, data, ~late, outcome, bounds, lambda: None)
    assert same != model_text(recipe, data, everyone, labels(made_up, "recorded"), bounds, lambda: None)


def test_an_earlier_label_begins_so_many_rows_earlier_in_its_patient_only() -> None:
    value = np.array([0, 0, 0, 1, 1, 0, 0, 1, -1, 0, 0], dtype=np.int8)
    asks = Labels(value, np.array([3, 2, -1]))
    bounds = np.array([0, 5, 9, 11])
    assert asks.earlier(2, bounds).tolist() == [0, 1, 1, 1, 1, 1, 1, 1, -1, 0, 0]
    assert asks.earlier(9, bounds).tolist() == [1, 1, 1, 1, 1, 1, 1, 1, -1, 0, 0]
    assert asks.earlier(0, bounds).tolist() == value.tolist()


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
    assert {"deterioration", "readmission", "readmission-stay", "sepsis"} <= set(names())
    for name in ("deterioration", "sepsis"):
        assert 150 <= len(load(name).engine().feature_names()) <= 250, name
    for name in names():
        features = load(name).engine().feature_names()
        assert features
        assert not [feature for feature in features if feature.startswith("EtCO2")]  # it would name the hospital
