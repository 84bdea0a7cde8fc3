"""Transfer is judged at the target alone, by means that say what they used, and label-free means see no label there."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from nightlamp.score import bundle, transfer
from nightlamp.score.fit import feature_rows
from nightlamp.score.labels import Labels, labels
from nightlamp.score.recipe import Member, Recipe, Transfer, load
from nightlamp.score.recording import Recording
from nightlamp.score.train import train
from nightlamp.score.transfer import Rows

from .ward_recording import recording

LABELLED = 40
LABEL_FREE = ["plain", "travel", "quantiles", "telltales", "weighted", "combined"]


def quiet(_what: str, _done: int, _total: int) -> None:
    """No progress."""


def small() -> Recipe:
    """The sepsis recipe with one small booster."""
    recipe = load("sepsis")
    lightgbm = {**recipe.lightgbm, "num_leaves": 7, "min_data_in_leaf": 20}
    return dataclasses.replace(
        recipe, trees=12, negatives=0.5, lightgbm=lightgbm, members=[Member()], transfer=Transfer(1, LABELLED, 2.0)
    )


@pytest.fixture(scope="module")
def made() -> tuple[Recording, Rows]:
    made_up = recording(240, seed=1)
    return made_up, feature_rows(small(), made_up, quiet)


def figures(made: tuple[Recording, Rows], asks: Labels) -> list[dict[str, object]]:
    made_up, rows = made
    return transfer.directions(small(), made_up, asks, rows, small().engine().feature_names(), quiet)


def test_every_direction_is_judged_at_the_target_without_its_labelled_patients(made: tuple[Recording, Rows]) -> None:
    made_up, _ = made
    found = figures(made, labels(made_up, "recorded"))
    assert [(one["source"], one["target"], one["means"]) for one in found] == [
        (a, b, means) for a, b in ("AB", "BA") for means in [*LABEL_FREE, "recalibrated", "appended"]
    ]
    assert {one["patients"] for one in found} == {120 - LABELLED}
    assert [one["labelled"] for one in found[:8]] == [0] * 6 + [LABELLED] * 2
    plain = found[0]
    assert plain["auroc"] > 0.8  # type: ignore[operator]
    low, high = plain["ci95"]["auroc"]  # type: ignore[index]
    assert low < plain["auroc"] < high  # type: ignore[operator]
    assert (found[6]["auroc"], found[6]["auprc"]) == (plain["auroc"], plain["auprc"])  # recalibrating ranks nobody anew


def test_means_without_labels_see_none_of_the_targets(made: tuple[Recording, Rows]) -> None:
    made_up, rows = made
    honest = labels(made_up, "recorded")
    at_b = (made_up.site == "B")[made_up.row_patient]
    lies = Labels(np.where(at_b, 1 - honest.value, honest.value).astype(np.int8), honest.onset)
    scores = []
    for asks in (honest, lies):
        sites = transfer.Sites(
            small(), Transfer(1, LABELLED, 2.0), rows, asks, None, made_up.row_patient,
            source=~at_b, labelled=np.zeros_like(at_b), judged=at_b,
        )  # fmt: skip
        weight, _order = transfer.told_apart(rows, ~at_b, at_b, seed=1)
        scores.append(np.stack([sites.scored(rows), sites.scored(rows, weight)]))
    assert (scores[0] == scores[1]).all()


def test_transfer_is_added_to_a_bundle_of_the_same_plan_alone(made: tuple[Recording, Rows], tmp_path: Path) -> None:
    folder = bundle.write(train(small(), made[0], quiet, replicates=20), tmp_path, "2026-01-01")
    before = {name: (folder / name).read_bytes() for name in ("model.txt", "manifest.toml", "card.md")}
    found = transfer.measure(small(), made[0], quiet)
    bundle.add_transfer(folder, small(), found)
    assert [one["means"] for one in json.loads((folder / "metrics.json").read_text())["transfer"]][:6] == LABEL_FREE
    after = {name: (folder / name).read_bytes() for name in before}
    assert {name for name in before if before[name] != after[name]} == {"card.md"}
    assert "| A to B | plain | 0 |" in after["card.md"].decode()
    bundle.check_recipe(folder, small())
    other = dataclasses.replace(small(), plan={**small().plan, "derived": []})
    with pytest.raises(ValueError, match="another plan"):
        bundle.check_recipe(folder, other)
    with pytest.raises(ValueError, match="no \\[transfer\\]"):
        transfer.measure(dataclasses.replace(small(), transfer=None), made[0], quiet)


def test_features_that_tell_of_the_house_do_not_travel() -> None:
    kept = {"HR.last", "Temp.max.24h", "age_years", "news2_points", "WBC.time_since_abnormal", "hours_in_unit"}
    left = {"HR.count.stay", "Lactate.age", "WBC.time_since_first", "service_medical", "hours_before_unit"}
    assert {name for name in kept | left if transfer.travels(name)} == kept


def test_site_quantiles_are_ranks_within_the_site_and_keep_what_is_missing() -> None:
    draw = np.random.default_rng(3)
    site = np.array(["A", "B"] * 2000)
    rows = draw.normal(size=(4000, 2)).astype(np.float32)
    rows[site == "B"] = np.exp(rows[site == "B"]) * 50
    rows[draw.random((4000, 2)) < 0.2] = np.nan
    placed = transfer.site_quantiles(rows, site)
    assert (np.isnan(placed) == np.isnan(rows)).all()
    for where in "AB":
        one, ranks = rows[site == where, 0], placed[site == where, 0]
        order = np.argsort(one[~np.isnan(one)])
        assert (np.diff(ranks[~np.isnan(one)][order]) >= 0).all()
        assert np.nanmean(ranks) == pytest.approx(transfer.QUANTILES / 2, rel=0.02)
