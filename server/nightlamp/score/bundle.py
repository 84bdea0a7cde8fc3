"""Writing a bundle: `<out>/<name>/<version>/` with model.txt, manifest.toml, metrics.json and card.md.

What is written is loaded by the engine before it counts as written: a bundle that would be refused at start is refused
here.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import nightlamp
from nightlamp._core import Scorers
from nightlamp.score.card import card
from nightlamp.score.toml_text import dumps
from nightlamp.score.train import Trained, figures_of


def manifest(trained: Trained, created: str) -> dict[str, Any]:
    """manifest.toml as core_rs/src/score/manifest.rs reads it; `created` is a date."""
    recipe, overall = trained.recipe, trained.overall
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
        "thresholds": thresholds(trained),
        "training": {
            "fingerprint": trained.fingerprint,
            "rows": trained.recording.rows,
            "patients": trained.recording.patients,
            "data": trained.recording.source,
        },
        "metrics": {
            "how": f"out of fold, {recipe.folds} folds by patient; see metrics.json",
            "overall": dict(overall),
            "by_hospital": {site: dict(figures) for site, figures in trained.by_site.items()},
        },
        "plan": recipe.plan,
    }


def thresholds(trained: Trained) -> dict[str, Any]:
    """By purpose: at the bedside from the alert budget, and the challenge's utility where the recipe asks for it."""
    found: dict[str, Any] = {}
    if (alerts := trained.recipe.alerts) and (bedside := trained.bedside):
        found["bedside"] = {
            "value": bedside.enter,
            "text": (
                f"Budget of {alerts.bedside_budget:g} alert episodes per 100 patient-days: clear at "
                f"{bedside.clear:.4f}, lock-out {alerts.lockout_h} h; out of fold {bedside.ppv_alert:.1%} of the "
                f"alerts right, {bedside.sensitivity:.1%} of the patients with the outcome found"
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
    files = {
        "model.txt": trained.model,
        "manifest.toml": dumps(manifest(trained, created)).encode(),
        "metrics.json": (json.dumps(_plain(figures_of(trained)), indent=1) + "\n").encode(),
        "card.md": card(trained, created).encode(),
    }
    with tempfile.TemporaryDirectory() as trial:
        _put(Path(trial), files)
        Scorers([Path(trial)])
    folder = out / trained.recipe.name / trained.recipe.version
    folder.mkdir(parents=True, exist_ok=True)
    _put(folder, files)
    return folder


def _put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _plain(value: Any) -> Any:
    """For JSON: NaN, which it does not know, as null."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value
