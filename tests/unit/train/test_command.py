"""`nightlamp train` says what it lacks: the packages, the recipe, the data; what it refuses it does not half write."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nightlamp.cli.root import app


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["train", *words], env={"COLUMNS": "400"})


def test_missing_packages_are_named_with_what_installs_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.startswith("nightlamp.score")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "polars", None)
    result = run("sepsis", "--data", str(tmp_path))
    assert result.exit_code == 1
    assert "polars" in result.output
    assert "pip install 'nightlamp[train]'" in result.output


def test_an_unknown_bundle_is_answered_with_those_there_are(tmp_path: Path) -> None:
    result = run("gout", "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "there is deterioration, " in result.output
    assert "sepsis" in result.output


def test_absent_data_is_answered_with_what_to_get_and_nothing_is_written(tmp_path: Path) -> None:
    result = run("sepsis", "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "models"))
    assert result.exit_code == 1
    assert "setA.parquet" in result.output
    assert not (tmp_path / "models").exists()
