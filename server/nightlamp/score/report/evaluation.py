"""`nightlamp evaluate`: recorded data through the serving engine and a bundle's forest, and what the risks are worth.

Whose patients these are decides what the figures mean, and the report's first line says it: the bundle was trained on
them (optimistic), folds held them out (out of fold), or it never saw them.
"""

import json
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nightlamp._core import Scorers
from nightlamp.score import adapters
from nightlamp.score import recipe as recipes
from nightlamp.score.fit import feature_rows
from nightlamp.score.labels import Labels, labels
from nightlamp.score.recipe import Recipe
from nightlamp.score.recording import DataError, Recording
from nightlamp.score.report import judge, risks, sketch
from nightlamp.score.report.figures import figures
from nightlamp.score.report.resample import REPLICATES
from nightlamp.score.report.risks import Risks
from nightlamp.score.rows import Report


@dataclass(frozen=True)
class Bundle:
    """A bundle's folder, read for people; the engine reads it itself."""

    folder: Path
    manifest: dict[str, Any]
    metrics: dict[str, Any]

    @classmethod
    def at(cls, folder: Path) -> "Bundle":
        """Raises DataError where there is none."""
        try:
            manifest = tomllib.loads((folder / "manifest.toml").read_text())
            metrics = json.loads((folder / "metrics.json").read_text())
        except (OSError, ValueError) as error:
            raise DataError(f"{folder} is no bundle: {error}") from None
        return cls(folder, manifest, metrics)

    def recipe(self) -> Recipe:
        """How it was made, with the plan it was made with. Raises DataError where its recipe is not here."""
        name = self.manifest["name"]
        if name not in recipes.names():
            raise DataError(f"there is no recipe for {name}: which data it reads and what it predicts is not known")
        return replace(recipes.load(name), plan=self.manifest["plan"])


@dataclass(frozen=True)
class Wanted:
    """What to evaluate on."""

    data: Path
    patients: int | None = None
    risks: Path | None = None
    """Out-of-fold risks instead of the bundle's own."""
    out_of_fold: bool = False
    """Fit the recipe anew in folds."""
    adapter: str | None = None
    """What reads the data, if not what the recipe names."""


def evaluate(bundle: Bundle, wanted: Wanted, report: Report, replicates: int = REPLICATES) -> dict[str, Any]:
    """All figures, for JSON and for the page. Raises DataError and ValueError."""
    recipe = bundle.recipe()
    if wanted.adapter is not None:
        recipe = recipe.on(wanted.adapter)
    report("reading the data", 0, 1)
    recording = adapters.read(path=wanted.data, patients=wanted.patients, **recipe.data)
    report("reading the data", 1, 1)
    asks = labels(recording, **recipe.label)
    given, whence = _risks(bundle, recipe, recording, wanted, report)
    threshold = bundle.manifest["thresholds"].get("utility", {}).get("value")
    alarms = given.alarms
    if alarms is None and threshold is not None:
        alarms = given.risk >= threshold
    cohort = judge.cohort(recipe, recording, asks, given.risk, report, alarms=alarms, fold=given.fold)
    trained_on = sketch.overlap(recording, bundle.manifest, bundle.metrics)
    report("figures and intervals", 0, 1)
    shipped = bundle.manifest["thresholds"].get("bedside", {}).get("value")
    found = figures(cohort, judge.policy(recipe), replicates, shipped)
    report("figures and intervals", 1, 1)
    return {
        "bundle": {key: bundle.manifest[key] for key in ("name", "version", "outcome", "horizon_h", "model_sha256")},
        "data": _about(recording, asks),
        "risks": whence,
        "training_patients_among_these": trained_on.any,
        "training_sketch_found": trained_on.share if bundle.metrics.get("patients_sketch") else None,
        "headline": headline(whence, trained_on),
        **found,
        "transfer": bundle.metrics.get("transfer"),
    }


def headline(whence: str, trained_on: sketch.Overlap) -> str:
    """What the figures mean, in the first line."""
    if whence != "bundle":
        return (
            "Out of fold: each patient's risk comes from a model that never saw the patient. The bundle itself is "
            "fitted on all of its training patients."
        )
    if trained_on.same_data:
        return (
            "Optimistic: this bundle was trained on these very patients. What it would do on others is lower; ask for "
            "--out-of-fold or give --risks."
        )
    if trained_on.any:
        return (
            "Optimistic: some of these patients trained this bundle (of its training patients, about "
            f"{trained_on.share:.0%} are here). Figures on others are lower."
        )
    return "None of these patients is known to have trained this bundle."


def _risks(bundle: Bundle, recipe: Recipe, recording: Recording, wanted: Wanted, report: Report) -> tuple[Risks, str]:
    if wanted.risks is not None:
        return risks.read(wanted.risks, recording), "file"
    if wanted.out_of_fold:
        from nightlamp.score.train import train  # fits: minutes, and most of the memory

        trained = train(recipe, recording, report)
        return Risks(trained.risk, trained.alarms, trained.fold), "refitted in folds"
    rows = feature_rows(recipe, recording, report)
    scorers = Scorers([bundle.folder])
    risk = np.frombuffer(scorers.probabilities(recipe.name, rows), dtype=np.float64).copy()
    return Risks(risk), "bundle"


def _about(recording: Recording, asks: Labels) -> dict[str, Any]:
    """Which data, and how much of it."""
    return {
        "source": recording.source,
        "patients": len(np.unique(recording.group)),
        "stays": recording.patients,
        "rows": recording.rows,
        "rows_asked": int(asks.asked.sum()),
        "dropped_values": recording.dropped,
    }
