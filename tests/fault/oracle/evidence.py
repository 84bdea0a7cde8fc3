"""What a run leaves behind, in one folder, so that it can be judged again (or falsified, by the judge's own tests).

journal/  tables/*.copy  undisturbed/*.copy  ledger.npz  run.json
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.fault.oracle.console import Heard
from tests.fault.oracle.ledger import Ledger
from tests.fault.oracle.plan import Shape


@dataclass(slots=True)
class Evidence:
    """All that the judge looks at."""

    folder: Path
    shape: Shape
    #: The last frame that was stored when the run was over: later ones are ticks.
    mark: int
    principals: dict[str, str]
    ledger: Ledger
    heard: list[Heard]
    metrics: dict[str, float]
    metrics_undisturbed: dict[str, float]
    #: What should not have happened to the run itself: ends nobody ordered, senders that failed, time-outs.
    surprises: list[str]
    #: What was broken, and when.
    done: list[str] = field(default_factory=list)

    def table(self, name: str) -> Path:
        """A table of the disturbed run."""
        return self.folder / "tables" / f"{name}.copy"

    def save(self) -> None:
        """Write down what is not yet in the folder."""
        self.ledger.save(self.folder / "ledger.npz")
        said = {
            "shape": asdict(self.shape),
            "mark": self.mark,
            "principals": self.principals,
            "heard": [asdict(one) for one in self.heard],
            "metrics": self.metrics,
            "metrics_undisturbed": self.metrics_undisturbed,
            "surprises": self.surprises,
            "done": self.done,
        }
        (self.folder / "run.json").write_text(json.dumps(said))

    @classmethod
    def load(cls, folder: Path) -> "Evidence":
        """What `save` wrote."""
        said = json.loads((folder / "run.json").read_text())
        shape = Shape(**{**said["shape"], "lanes": tuple(said["shape"]["lanes"])})
        return cls(
            folder,
            shape,
            said["mark"],
            said["principals"],
            Ledger.load(folder / "ledger.npz"),
            [Heard(**one) for one in said["heard"]],
            said["metrics"],
            said["metrics_undisturbed"],
            said["surprises"],
            said["done"],
        )
