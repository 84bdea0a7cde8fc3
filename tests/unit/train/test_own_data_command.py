"""`nightlamp train` on files of one's own, without a terminal; `nightlamp models` on good bundles and on wrong ones."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nightlamp._core import FeatureEngine
from nightlamp.cli.root import app
from nightlamp.score.recipe import PLANS

ROOT = Path(__file__).resolve().parents[3]
SMALL = {"trees": "trees = 6", "folds": "folds = 3", "min_data_in_leaf": "min_data_in_leaf = 20"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation's example, and a recipe that fits it quickly."""
    folder = tmp_path_factory.mktemp("own")
    subprocess.run([sys.executable, str(ROOT / "docs/own_data_example.py"), str(folder / "data")], check=True)
    lines = []
    for line in (PLANS / "sepsis.toml").read_text().splitlines():
        key = line.partition(" =")[0]
        lines.append(SMALL.pop(key) if key in SMALL else line)
    (folder / "recipe.toml").write_text("\n".join(lines) + "\n")
    return folder


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def trained(own: Path) -> Path:
    """The example's bundle."""
    words = ("train", own / "recipe.toml", "--adapter", "long_format", "--data", own / "data", "--out")
    for out in ("once", "again"):
        code, text = run(*words, own / out)
        assert code == 0, text
    return next((own / "once").glob("*/*"))


def test_the_same_command_twice_gives_the_same_model_byte_for_byte(own: Path, trained: Path) -> None:
    again = next((own / "again").glob("*/*"))
    assert (trained / "model.txt").read_bytes() == (again / "model.txt").read_bytes()
    assert (trained / "metrics.json").read_bytes() == (again / "metrics.json").read_bytes()


def test_the_bundle_says_whose_data_it_was_and_repeats_nothing_of_others(trained: Path) -> None:
    manifest = tomllib.loads((trained / "manifest.toml").read_text())
    assert manifest["version"].endswith("+own")
    assert manifest["training"]["patients"] == 300
    assert len(manifest["training"]["data_sha256"]) == 64
    assert "Made-up ward; 3 files, sha256 " in manifest["training"]["data"]
    card = (trained / "card.md").read_text()
    assert "Made-up ward" in card
    assert "intensive care of two hospitals" not in card
    assert json.loads((trained / "metrics.json").read_text())["dropped_values"] == {}


def test_a_bundle_is_evaluated_on_the_same_kind_of_files(own: Path, trained: Path, tmp_path: Path) -> None:
    words = ("evaluate", trained, "--adapter", "long_format", "--data", own / "data", "--out", tmp_path)
    code, text = run(*words)
    assert code == 0, text
    assert "trained on these very patients" in text
    assert (tmp_path / "report.html").is_file()


def test_models_lists_what_is_there_and_says_why_one_is_refused(own: Path, trained: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(trained, models / "sepsis" / "1")
    shutil.copytree(trained, models / "sepsis" / "2")
    model = models / "sepsis" / "2" / "model.txt"
    model.write_bytes(model.read_bytes().replace(b"leaf_value=", b"leaf_value =", 1))
    result = CliRunner().invoke(app, ["models", "list", "--json"], env={"NIGHTLAMP_MODELS__DIR": str(models)})
    assert result.exit_code == 1
    listed = json.loads(result.stdout)
    assert [(one["folder"][-1], one["refused"] is None) for one in listed] == [("1", True), ("2", False)]
    assert listed[1]["refused"].startswith("model.txt has SHA-256 ")
    assert listed[0]["model_sha256"] == tomllib.loads((trained / "manifest.toml").read_text())["model_sha256"]
    assert run("models", "check", models / "sepsis" / "1")[0] == 0
    code, text = run("models", "check", models / "sepsis" / "2")
    assert (code, "refused: model.txt has SHA-256" in text) == (1, True)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('engine_version = "0.1"', 'engine_version = "9.0"', "does not fit this engine"),
        ('signal = "HR"', 'signal = "Pulse"', 'signal "Pulse" is not in the catalogue'),
        ("[thresholds.bedside]\nvalue = ", "[thresholds.bedside]\nvalue = 7", "thresholds.bedside.value is not from 0"),
        ("data_sha256 = ", "data_sha512 = ", "unknown field `data_sha512`"),
        ('fingerprint = "', 'fingerprint = "0', "the plan's fingerprint is"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_the_reason(
    trained: Path, tmp_path: Path, before: str, after: str, says: str
) -> None:
    folder = tmp_path / "1"
    shutil.copytree(trained, folder)
    text = (folder / "manifest.toml").read_text()
    assert before in text
    (folder / "manifest.toml").write_text(text.replace(before, after, 1))
    code, answer = run("models", "check", folder)
    assert code == 1
    assert says in answer


def test_categories_in_another_order_are_another_plan() -> None:
    """The bundle's fingerprint then differs, and it is refused: a category's place is the feature's value."""

    def fingerprint(*categories: str) -> str:
        coded = [{"field": "admit_source", "categories": list(categories)}]
        return FeatureEngine(json.dumps({"plan": {"coded": coded}}).encode()).fingerprint()

    assert fingerprint("1", "7") == fingerprint("1", "7")
    assert len({fingerprint("1", "7"), fingerprint("7", "1"), fingerprint("1", "7", "9")}) == 3


def test_an_adapter_or_a_file_that_is_not_there_is_named(own: Path, tmp_path: Path) -> None:
    code, text = run("train", "sepsis", "--adapter", "short_format", "--data", tmp_path)
    assert code == 2
    assert "long_format, nightlamp_journal, nightlamp_tables, physionet" in text
    code, text = run("train", "sepsis", "--adapter", "long_format", "--data", tmp_path)
    assert code == 1
    assert "holds no observations.csv" in text
    code, text = run("train", "nowhere.toml", "--data", tmp_path)
    assert code == 2
    assert "the recipe nowhere.toml cannot be read" in text
