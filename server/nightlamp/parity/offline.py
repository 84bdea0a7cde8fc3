"""The offline path: the rows, raw scores and risks that training and evaluation would make of the same recording."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp._core import FeatureEngine, Forest, Scorers
from nightlamp.score.recording import Recording
from nightlamp.score.rows import rows_of


@dataclass(frozen=True)
class Rows:
    """Every hour of some patients: features (hours x width), log-odds, calibrated risks."""

    features: NDArray[np.float32]
    raw: NDArray[np.float64]
    risk: NDArray[np.float64]


class Bundle:
    """A bundle, loaded and checked as the server loads it. Raises ValueError where the engine refuses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._scorers = Scorers([folder])
        listed: dict[str, Any] = json.loads(self._scorers.listing())[-1]
        self.name, self.version = str(listed["name"]), str(listed["version"])
        self.manifest: dict[str, Any] = listed["manifest"]
        self.signals: list[str] = listed["signals"]
        """What the plan reads: the inputs of a score."""
        self._engine = FeatureEngine(json.dumps({"plan": self.manifest["plan"]}).encode())
        self._forest = Forest((folder / "model.txt").read_bytes())
        self.feature_names = self._engine.feature_names()
        self.width = len(self.feature_names)

    def rows(self, recording: Recording, first: int, last: int) -> Rows:
        """The hours of the patients from `first` to before `last`."""
        features = rows_of(self._engine, recording, first, last)
        raw = np.frombuffer(self._forest.predict_raw(features, self.width), dtype=np.float64)
        risk = np.frombuffer(self._scorers.probabilities(self.name, features), dtype=np.float64)
        return Rows(features, raw, risk)
