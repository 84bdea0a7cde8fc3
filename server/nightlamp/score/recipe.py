"""Recipes: what a bundle predicts, from which data and features, and how it is fitted. One TOML file a bundle in
`plans/`.

| table | says |
|---|---|
| (top) | name, version, outcome, horizon_h, seed |
| `[data]` | `adapter`: which file of `adapters/` reads the recorded data; what else stands there is given to it |
| `[label]` | `kind`: which rule of `labels.py` makes the label; what else stands there is given to it |
| `[figures]` | `utility`: whether the challenge's utility is measured and its threshold shipped |
| `[fit]` | trees, folds, negatives, lightgbm, members |
| `[alerts]` | the budgets; absent where nothing is watched from hour to hour |
| `[transfer]` | how transfer between sites is measured; absent: it is not |
| `[card]` | the card's prose and the targets it is held to (card.py) |
| `[trigger]`, `[plan]` | as they stand in the manifest |

A model is the mean of the raw scores of its members. `[[fit.members]]` gives each what it does otherwise than `[fit]`;
without any there is one member.
"""

import json
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nightlamp._core import FeatureEngine

PLANS = Path(__file__).parent / "plans"


@dataclass(frozen=True)
class Member:
    """What one booster of the ensemble does otherwise than the recipe's `[fit]`."""

    copies: int = 1
    """So many boosters alike but for their seeds."""
    trees: int | None = None
    negatives: float | None = None
    early_h: int = 0
    """Fitted to a label that begins so many rows earlier; figures never are."""
    lightgbm: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Booster:
    """One booster to be fitted: a member's settings, resolved."""

    trees: int
    negatives: float
    early_h: int
    seed: int
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Alerts:
    """How alerts are counted when a threshold is chosen for a budget of episodes per 100 patient-days."""

    budgets: list[float]
    bedside_budget: float
    clear_share: float
    lockout_h: int
    early_h: float = 12.0
    """An alert is right from so many hours before the outcome ..."""
    late_h: float = 3.0
    """... to so many after it."""


@dataclass(frozen=True)
class Transfer:
    """How transfer between the sites of the data is measured (transfer.py)."""

    boosters: int
    """So many of the ensemble's first ones are fitted for each means."""
    labelled: int
    """Patients of the target whose labels the means with labels may use."""
    weight: float
    """Of a labelled row of the target, a row of the source counting 1."""


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
    data: dict[str, Any]
    label: dict[str, Any]
    trees: int
    folds: int
    lightgbm: dict[str, Any]
    negatives: float = 1.0
    """Share of the rows without the outcome that a booster is fitted on, drawn by its seed. Shifts the log-odds, which
    calibration takes back."""
    members: list[Member] = field(default_factory=lambda: [Member()])
    alerts: Alerts | None = None
    transfer: Transfer | None = None
    utility: bool = False
    card: dict[str, Any] = field(default_factory=dict)

    def on(self, adapter: str) -> "Recipe":
        """This recipe on another source of data, which need not have what the recipe's own has: the label comes from
        the outcomes' times where the recipe took it from its files, and there is no utility. Its version says so, and
        its card does not repeat what was said of other patients."""
        if adapter == self.data["adapter"]:
            return self
        label = self.label
        if label["kind"] != "outcome":
            label = {"kind": "outcome", "horizon_h": self.horizon_h}
        return replace(
            self,
            version=f"{self.version}+own",
            outcome=f"{self.outcome}: as the data's own outcomes say",
            data={"adapter": adapter},
            label=label,
            utility=False,
            transfer=None,
            card={},
        )

    def engine(self) -> FeatureEngine:
        """The serving engine for this plan. Raises ValueError that names the entry of the plan."""
        return FeatureEngine(json.dumps({"plan": self.plan}).encode())

    def parameters(self) -> dict[str, Any]:
        """What LightGBM is told of the data and of every booster."""
        return {**self.lightgbm, "seed": self.seed}

    def boosters(self) -> list[Booster]:
        """The ensemble, each booster with a seed of its own."""
        copies = [member for member in self.members for _ in range(member.copies)]
        return [
            Booster(
                trees=member.trees or self.trees,
                negatives=self.negatives if member.negatives is None else member.negatives,
                early_h=member.early_h,
                seed=self.seed + at,
                parameters={**self.lightgbm, **member.lightgbm, "seed": self.seed + at},
            )
            for at, member in enumerate(copies)
        ]


def names() -> list[str]:
    """The recipes there are."""
    return sorted(path.stem for path in PLANS.glob("*.toml"))


def load(name: str) -> Recipe:
    """The recipe of this name, or of the file `name` where that ends with .toml. Raises ValueError for a file that
    cannot be read as one."""
    if not name.endswith(".toml"):
        return parse((PLANS / f"{name}.toml").read_text())
    try:
        return parse(Path(name).read_text())
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"the recipe {name} cannot be read: {error}") from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"the recipe {name}: a field is missing or unknown: {error}") from error


def parse(text: str) -> Recipe:
    """A recipe from TOML. Raises KeyError or TypeError where a field is missing or unknown."""
    whole = tomllib.loads(text)
    fit, figures = whole.pop("fit"), whole.pop("figures", {})
    members = [Member(**member) for member in fit.pop("members", [{}])]
    alerts = Alerts(**whole.pop("alerts")) if "alerts" in whole else None
    transfer = Transfer(**whole.pop("transfer")) if "transfer" in whole else None
    return Recipe(**whole, **fit, **figures, members=members, alerts=alerts, transfer=transfer)
