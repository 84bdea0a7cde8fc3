"""Recipes: what a bundle predicts, from which features, and how it is fitted. One TOML file a bundle in `plans/`."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightlamp._core import FeatureEngine

PLANS = Path(__file__).parent / "plans"


@dataclass(frozen=True)
class Recipe:
    """A recipe, read."""

    name: str
    version: str
    outcome: str
    horizon_h: float
    seed: int
    trigger: dict[str, Any]
    plan: dict[str, Any]
    trees: int
    folds: int
    lightgbm: dict[str, Any]
    budgets: list[float]
    bedside_budget: float
    clear_share: float
    lockout_h: int

    def engine(self) -> FeatureEngine:
        """The serving engine for this plan. Raises ValueError that names the entry of the plan."""
        return FeatureEngine(json.dumps({"plan": self.plan}).encode())

    def parameters(self) -> dict[str, Any]:
        """What LightGBM is told."""
        return {**self.lightgbm, "seed": self.seed}


def names() -> list[str]:
    """The recipes there are."""
    return sorted(path.stem for path in PLANS.glob("*.toml"))


def load(name: str) -> Recipe:
    """The recipe of this name."""
    return parse((PLANS / f"{name}.toml").read_text())


def parse(text: str) -> Recipe:
    """A recipe from TOML. Raises KeyError or TypeError where a field is missing or unknown."""
    whole = tomllib.loads(text)
    fit, alerts = whole.pop("fit"), whole.pop("alerts")
    return Recipe(**whole, **fit, **alerts)
