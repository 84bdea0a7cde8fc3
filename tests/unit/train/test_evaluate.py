"""`nightlamp evaluate` gives the same bytes for the same data, one page that asks the network for nothing, and says in
its first line whose patients these are."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from nightlamp.score import bundle
from nightlamp.score.recording import DataError, Recording
from nightlamp.score.report import evaluation, page, risks, sketch
from nightlamp.score.report.risks import Risks
from nightlamp.score.train import Trained, train

from .test_training import quiet, small
from .ward_recording import recording


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(small(), recording(240, seed=1), quiet, 20)


@pytest.fixture(scope="module")
def made(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> evaluation.Bundle:
    return evaluation.Bundle.at(bundle.write(trained, tmp_path_factory.mktemp("models"), "2026-01-01"))


def on(made: evaluation.Bundle, data: Recording, monkeypatch: pytest.MonkeyPatch, **wanted: Any) -> dict[str, object]:
    """An evaluation on data that no file holds."""
    monkeypatch.setattr(evaluation.adapters, "read", lambda **_settings: data)
    return evaluation.evaluate(made, evaluation.Wanted(Path("made-up"), **wanted), quiet, replicates=20)


def test_the_same_data_give_the_same_bytes(made: evaluation.Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    once, again = (on(made, recording(200, seed=5), monkeypatch) for _ in range(2))
    assert json.dumps(once) == json.dumps(again)
    assert page.html(once) == page.html(again)


def test_the_page_needs_no_network_no_script_and_no_other_file(
    made: evaluation.Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = page.html(on(made, recording(200, seed=5), monkeypatch))
    assert html.count("<svg") >= 8
    assert html.count("aria-label") >= 8
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', html)
    assert "url(http" not in html
    assert "@import" not in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', html)) <= set(ids)
    assert not re.findall(r"#0[1-8]0[1-8]0[1-8]", html)  # every colour is the page's


def test_the_first_line_says_whose_patients_these_are(
    made: evaluation.Bundle, trained: Trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    others = dataclasses.replace(recording(200, seed=5), source="others")
    assert str(on(made, others, monkeypatch)["headline"]).startswith("None of these patients")
    same = dataclasses.replace(trained.recording, source="the same under another name")
    for data in (trained.recording, same):
        assert str(on(made, data, monkeypatch)["headline"]).startswith("Optimistic")
    risks.write(tmp_path / "risks.parquet", trained.recording, Risks(trained.risk, trained.alarms, trained.fold))
    given = on(made, trained.recording, monkeypatch, risks=tmp_path / "risks.parquet")
    assert str(given["headline"]).startswith("Out of fold")
    assert given["overall"] == trained.figures["overall"]


def test_a_bundles_risks_on_its_own_patients_look_better_than_out_of_fold(
    made: evaluation.Bundle, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = on(made, trained.recording, monkeypatch)
    assert isinstance(found["overall"], dict)
    assert found["overall"]["auprc"] > trained.figures["overall"]["auprc"]
    assert found["shipped_threshold"] is not None


def test_a_sketch_knows_its_patients_in_any_company_and_names_nobody() -> None:
    one, two = recording(100, seed=1), recording(100, seed=2)
    known = sketch.sketch(one)
    assert sketch.seen(one, known) == 1.0
    assert sketch.seen(two, known) == 0.0
    renamed = dataclasses.replace(one, patient_id=[f"other-{n}" for n in range(100)])
    assert sketch.sketch(renamed) == known
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in known)


def test_data_with_hardly_an_outcome_are_refused_in_words(
    made: evaluation.Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = recording(60, seed=5)
    few = np.where(data.row_patient < 15, data.label, 0).astype(np.int8)
    with pytest.raises(ValueError, match="fewer than 10 nothing can be told"):
        on(made, dataclasses.replace(data, label=few), monkeypatch)


def test_stays_of_one_person_at_one_time_are_told_apart(tmp_path: Path) -> None:
    data = recording(50, seed=1)
    alike = dataclasses.replace(data, patient_id=[f"p{n // 2}" for n in range(50)])
    risk = np.random.default_rng(2).random(data.rows)
    risks.write(tmp_path / "stays.parquet", alike, Risks(risk))
    pl.read_parquet(tmp_path / "stays.parquet").reverse().write_parquet(tmp_path / "stays.parquet")
    assert (risks.read(tmp_path / "stays.parquet", alike).risk == risk).all()


def test_groups_that_no_feature_knows_are_reported(made: evaluation.Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    data = recording(200, seed=5)
    names = np.where(np.arange(200) % 3 == 0, "one", "another")
    found = on(made, dataclasses.replace(data, groups={"ethnicity": names}), monkeypatch)
    assert isinstance(found["by_ethnicity"], dict)
    assert found["by_ethnicity"]["one"]["patients"] == int((names == "one").sum())
    assert "ethnicity" in page.html(found)


def test_risks_are_matched_by_patient_and_time_and_none_may_be_missing(tmp_path: Path) -> None:
    data = recording(50, seed=1)
    risk = np.random.default_rng(1).random(data.rows)
    risks.write(tmp_path / "all.parquet", data, Risks(risk))
    frame = pl.read_parquet(tmp_path / "all.parquet")
    frame.sample(fraction=1.0, shuffle=True, seed=3).write_parquet(tmp_path / "shuffled.parquet")
    assert (risks.read(tmp_path / "shuffled.parquet", data).risk == risk).all()
    frame.head(data.rows - 1).write_parquet(tmp_path / "short.parquet")
    with pytest.raises(DataError, match="no risk for 1 of"):
        risks.read(tmp_path / "short.parquet", data)
    pl.concat([frame, frame.head(1)]).write_parquet(tmp_path / "twice.parquet")
    with pytest.raises(DataError, match="two risks"):
        risks.read(tmp_path / "twice.parquet", data)
    frame.drop("risk").write_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataError, match="no column risk"):
        risks.read(tmp_path / "other.parquet", data)
    with pytest.raises(DataError, match="can be read"):
        risks.read(tmp_path / "absent.parquet", data)


def test_fitting_anew_in_folds_gives_the_figures_of_the_card(
    made: evaluation.Bundle, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation.recipes, "load", lambda _name: small())
    found = on(made, trained.recording, monkeypatch, out_of_fold=True)
    assert str(found["headline"]).startswith("Out of fold")
    for key in ("overall", "by_fold", "by_sex", "alert_budgets", "reliability", "rules"):
        assert found[key] == made.metrics[key], key


def test_p6_no_patient_is_named_in_a_report_or_a_bundle(
    made: evaluation.Bundle, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = on(made, trained.recording, monkeypatch)
    texts = [json.dumps(found), page.html(found)]
    texts += [(made.folder / name).read_text() for name in ("manifest.toml", "metrics.json", "card.md")]
    for text in texts:
        assert not [one for one in trained.recording.patient_id if one in text]
