"""A run folder: what benches and load tests left there."""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Load:
    """Runs of one scenario with the same options, oldest first; at least one."""

    runs: list[dict[str, Any]]

    @property
    def scenario(self) -> dict[str, Any]:
        """Name, options and what was offered: equal in all of them."""
        facts: dict[str, Any] = self.runs[0]["head"]["scenario"]
        return facts

    def offered(self, name: str) -> float:
        """A rate of the scenario as its schedule begins: facts state rates at factor 1, phases the factor."""
        return float(self.scenario[name]) * float(self.scenario["phases"][0]["factor_from"])

    @property
    def passed(self) -> int:
        """How many runs met all their levels."""
        return sum(1 for run in self.runs if run["verdict"]["passed"])

    def median(self, value: Callable[[dict[str, Any]], float | None]) -> float | None:
        """Of a value of each run; None where no run has it."""
        found = [one for run in self.runs if (one := value(run)) is not None]
        return statistics.median(found) if found else None


@dataclass(frozen=True)
class Results:
    """All JSON of a folder, by kind."""

    benches: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    searches: list[dict[str, Any]]

    @property
    def figures(self) -> list[dict[str, Any]]:
        """Of all benches, in order."""
        return [figure for bench in self.benches for figure in bench["figures"]]

    def names(self) -> list[str]:
        """Of the figures, each once."""
        return list(dict.fromkeys(figure["key"] for figure in self.figures))

    def of(self, key: str) -> list[dict[str, Any]]:
        """Figures of one key."""
        return [figure for figure in self.figures if figure["key"] == key]

    def ours(self, key: str, who: str = "nightlamp") -> dict[str, Any] | None:
        """Our figure of a key, of the side that starts so, if it was measured."""
        found = (one for one in self.of(key) if one["ours"] and one["runs"] and one["who"].startswith(who))
        return next(found, None)

    def loads(self) -> list[Load]:
        """All runs by scenario and options, in the order of their first run."""
        found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for run in sorted(self.runs, key=lambda run: str(run["head"]["started_at"])):
            scenario = run["head"]["scenario"]
            found.setdefault((scenario["name"], *scenario["overrides"]), []).append(run)
        return [Load(runs) for runs in found.values()]

    def load(self, scenario: str) -> Load | None:
        """The runs of a scenario; with several sets of options, those of the fewest options."""
        found = [load for load in self.loads() if load.scenario["name"] == scenario]
        return min(found, key=lambda load: len(load.scenario["overrides"]), default=None)


def read(folder: Path) -> Results:
    """What is there. Raises OSError without the folder and ValueError for broken JSON."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no run folder")
    benches, runs, searches = [], [], []
    for path in sorted(folder.rglob("*.json")):
        said = json.loads(path.read_text())
        if not isinstance(said, dict):
            continue
        if "bench" in said and "figures" in said:
            benches.append(said)
        elif "conservation" in said and "head" in said:
            runs.append(said | {"file": path.name})
        elif "steps" in said and "head" in said:
            searches.append(said | {"file": path.name})
    return Results(benches, runs, searches)
