"""Reasons on demand: grouped by signal, adding up with what is left untold, missing named as missing, nobody named."""

import json
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nightlamp import bundles
from nightlamp._core import Forest, Scorers
from nightlamp.settings import Models

MODELS = Path(__file__).parents[3] / "models"
(FOLDER,) = (folder for folder in bundles.bundles(Models(dir=MODELS)) if folder.parent.name == "sepsis")
Input = tuple[str, float | None, float | None, int | None]


@pytest.fixture(scope="module")
def scorers() -> Scorers:
    return Scorers([FOLDER])


@pytest.fixture(scope="module")
def listed(scorers: Scorers) -> dict[str, Any]:
    return next(one for one in json.loads(scorers.listing()) if one["name"] == "sepsis")


def group(feature: str, signals: list[str]) -> str:
    """`Lactate.delta.24h` belongs to Lactate; `age_years` to itself."""
    head = feature.split(".")[0]
    return head if head in signals else feature


def test_reasons_are_the_largest_sums_of_shares_by_signal(scorers: Scorers, listed: dict[str, Any]) -> None:
    forest = Forest((FOLDER / "model.txt").read_bytes())
    rng = np.random.default_rng(5)
    for _ in range(20):
        row = (rng.normal(size=forest.n_features) * 40 + 60).astype(np.float32)
        row[rng.random(len(row)) < 0.4] = np.nan
        shares = np.frombuffer(forest.shap(row, len(row)), dtype=np.float64)
        sums: dict[str, float] = {}
        for feature, share in zip(listed["features"], shares, strict=False):
            about = group(feature, listed["signals"])
            sums[about] = sums.get(about, 0.0) + share
        ranked = sorted(sums.items(), key=lambda one: -abs(one[1]))[:5]
        inputs: list[Input] = [(signal, None, None, None) for signal in listed["signals"]]
        reasons = scorers.explain("sepsis", row, inputs)
        assert [one["about"] for one in reasons] == [about for about, _ in ranked]
        assert [one["share"] for one in reasons] == pytest.approx([share for _, share in ranked], abs=1e-12)
        assert [one["direction"] for one in reasons] == ["raises" if share > 0 else "lowers" for _, share in ranked]
        assert scorers.expected_raw("sepsis") == shares[-1]
        raw = float(np.frombuffer(forest.predict_raw(row, len(row)))[0])
        rest = raw - shares[-1] - sum(one["share"] for one in reasons)
        assert rest == pytest.approx(sum(sums.values()) - sum(share for _, share in ranked), abs=1e-9)


def test_a_row_of_nothing_is_explained_by_what_is_missing(scorers: Scorers, listed: dict[str, Any]) -> None:
    row = np.full(len(listed["features"]), np.nan, dtype=np.float32)
    inputs: list[Input] = [(signal, None, None, None) for signal in listed["signals"]]
    reasons = scorers.explain("sepsis", row, inputs)
    assert reasons
    for reason in reasons:
        assert reason["missing"], reason
        assert reason["words"].startswith("no ") or reason["words"].endswith("not known"), reason


def test_a_rule_is_explained_by_the_items_that_scored(scorers: Scorers) -> None:
    inputs: list[Input] = [
        ("HR", 134.0, 60.0, 3),
        ("Resp", 22.0, 7_300.0, 2),
        ("Temp", 36.8, 60.0, 0),
        ("SBP", None, None, None),
    ]
    reasons = scorers.explain("news2", array("f"), inputs)
    told = [(one["about"], one["share"], one["words"]) for one in reasons]
    assert told == [("HR", 3.0, "heart rate 134 /min, 1 min old"), ("Resp", 2.0, "respiration rate 22 /min, 2 h old")]


def test_what_cannot_be_explained_is_refused_with_the_reason(scorers: Scorers) -> None:
    empty = np.empty(0, dtype=np.float32)
    with pytest.raises(ValueError, match="no scorer is named nobody"):
        scorers.explain("nobody", empty, [])
    with pytest.raises(ValueError, match="0 values are not a row of"):
        scorers.explain("sepsis", empty, [])
    with pytest.raises(ValueError, match="no signal is named Aura"):
        scorers.explain("news2", empty, [("Aura", 1.0, 1.0, None)])
    with pytest.raises(ValueError, match="no bundle is named news2"):
        scorers.expected_raw("news2")
