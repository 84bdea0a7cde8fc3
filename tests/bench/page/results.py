"""A run folder: what benches and load tests left there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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

    def run(self, scenario: str) -> dict[str, Any] | None:
        """The newest run of a scenario."""
        found = [run for run in self.runs if run["head"]["scenario"]["name"] == scenario]
        return max(found, key=lambda run: str(run["head"]["started_at"]), default=None)


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
