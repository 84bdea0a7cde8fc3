"""Writing a bundle: `<out>/<name>/<version>/` with model.txt, manifest.toml, metrics.json and card.md.

What is written is loaded by the engine before it counts as written: a bundle that would be refused at start is refused
here. All figures, those of manifest and card too, are those of metrics.json.
"""

import hashlib
import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import nightlamp
from nightlamp._core import Scorers
from nightlamp.score.card import card
from nightlamp.score.recipe import Recipe
from nightlamp.score.report.figures import short
from nightlamp.score.report.sketch import sketch
from nightlamp.score.toml_text import dumps
from nightlamp.score.train import Trained

#: Groups whose figures stand in the manifest too.
IN_MANIFEST = ("by_hospital", "by_half")


def metrics(trained: Trained) -> dict[str, Any]:
    """metrics.json: everything measured, with how."""
    recipe, recording = trained.recipe, trained.recording
    found = {
        "method": (
            f"{recipe.folds} folds by patient, stratified by hospital and outcome, seed {recipe.seed}; risks out of "
            "fold, calibration and utility threshold from the other folds; ECE in 10 bins of equal width (ece) and of "
            "equal mass (ece_equal_mass); by_half: two halves by a hash of the patient; the card's internal "
            "validity says what was chosen on which"
        ),
        "source": recording.source,
        "rows": recording.rows,
        "rows_asked": int(trained.labels.asked.sum()),
        "label_counts": trained.labels.counts or None,
        "stays": recording.patients,
        "features": len(trained.feature_names),
        "trees": sum(booster.trees for booster in recipe.boosters()),
        "boosters": len(recipe.boosters()),
        **trained.figures,
        "transfer": None,  # add_transfer
        "leading_features": [{"feature": name, "share": part} for name, part in trained.top_features],
        "dropped_values": recording.dropped,
        "patients_sketch": sketch(recording),
    }
    plain: dict[str, Any] = short(found)
    return plain


def manifest(trained: Trained, measured: dict[str, Any], created: str) -> dict[str, Any]:
    """manifest.toml as core_rs/src/score/manifest.rs reads it; `created` is a date."""
    recipe = trained.recipe
    return {
        "name": recipe.name,
        "version": recipe.version,
        "outcome": recipe.outcome,
        "horizon_h": recipe.horizon_h,
        "created": created,
        "engine_version": ".".join(nightlamp.__version__.split(".")[:2]),
        "model_sha256": hashlib.sha256(trained.model).hexdigest(),
        "trigger": recipe.trigger,
        "calibration": {"kind": "platt", "a": trained.calibration.a, "b": trained.calibration.b},
        "thresholds": thresholds(trained, measured),
        "training": {
            "fingerprint": trained.fingerprint,
            "rows": trained.recording.rows,
            "patients": trained.recording.patients,
            "data": trained.recording.source,
            "data_sha256": trained.recording.sha256(),
        },
        "metrics": {
            "how": f"out of fold, {recipe.folds} folds by patient; see metrics.json",
            "overall": flat(measured["overall"]),
            **{key: {name: flat(one) for name, one in measured[key].items()} for key in IN_MANIFEST if key in measured},
        },
        "plan": recipe.plan,
    }


def flat(group: dict[str, Any]) -> dict[str, Any]:
    """A group's figures as TOML has them: known ones, intervals as `auroc_ci95`."""
    known = {name: value for name, value in group.items() if name != "ci95" and value is not None}
    spread = {f"{name}_ci95": value for name, value in group["ci95"].items() if value is not None}
    return known | spread


def thresholds(trained: Trained, measured: dict[str, Any]) -> dict[str, Any]:
    """By purpose: at the bedside from the alert budget, else by share flagged; and the challenge's utility."""
    found: dict[str, Any] = {}
    if (alerts := trained.recipe.alerts) and (bedside := measured["bedside"])["ppv_alert"] is not None:
        found["bedside"] = {
            "value": bedside["enter"],
            "text": (
                f"Budget of {alerts.bedside_budget:g} alert episodes per 100 patient-days: clear at "
                f"{bedside['clear']:.4f}, lock-out {alerts.lockout_h} h; out of fold {bedside['ppv_alert']:.1%} of the "
                f"alerts right, {bedside['sensitivity']:.1%} of the stays with the outcome found"
            ),
        }
    for row in measured.get("flagged", []):
        found[f"flag_{row['share'] * 100:g}_percent"] = {
            "value": row["enter"],
            "text": (
                f"The {row['share']:.0%} of highest risk: out of fold {row['ppv']:.1%} of them right, "
                f"{row['sensitivity']:.1%} of those with the outcome found"
            ),
        }
    if trained.utility_threshold is not None:
        found["utility"] = {
            "value": trained.utility_threshold,
            "text": "Best utility of the PhysioNet/CinC Challenge 2019: a benchmark, not for the bedside",
        }
    return found


def write(trained: Trained, out: Path, created: str) -> Path:
    """Writes the bundle and gives its folder.

    Raises ValueError where the engine refuses it; then nothing is replaced.
    """
    measured = metrics(trained)
    about = manifest(trained, measured, created)
    files = {
        "model.txt": trained.model,
        "manifest.toml": dumps(about).encode(),
        "metrics.json": (json.dumps(measured, indent=1) + "\n").encode(),
        "card.md": card(about, measured, trained.recipe.card).encode(),
    }
    with tempfile.TemporaryDirectory() as trial:
        _put(Path(trial), files)
        Scorers([Path(trial)])
    folder = out / trained.recipe.name / trained.recipe.version
    folder.mkdir(parents=True, exist_ok=True)
    _put(folder, files)
    return folder


def check_recipe(folder: Path, recipe: Recipe) -> None:
    """Raises ValueError where the bundle was not trained by this recipe, OSError where there is none."""
    trained = tomllib.loads((folder / "manifest.toml").read_text())["training"]["fingerprint"]
    if trained != recipe.engine().fingerprint():
        raise ValueError(f"{folder} has another plan than the recipe {recipe.name}: train it first")


def add_transfer(folder: Path, recipe: Recipe, transfer: list[dict[str, Any]]) -> None:
    """Writes the figures of transfer into metrics.json and the card anew; the model and its manifest stay."""
    about = tomllib.loads((folder / "manifest.toml").read_text())
    measured = json.loads((folder / "metrics.json").read_text()) | {"transfer": short(transfer)}
    files = {
        "metrics.json": (json.dumps(measured, indent=1) + "\n").encode(),
        "card.md": card(about, measured, recipe.card).encode(),
    }
    _put(folder, files)


def _put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
