"""What the senders know: for each frame how often it was sent and what came back.

    sent = acknowledged + refused + unknown (no answer, or one that says the outcome is not known)

One lane writes the entries of its own frames, so no lock is needed.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


class Ledger:
    """Counts by frame number."""

    def __init__(self, frames: int) -> None:
        self.acknowledged = np.zeros(frames, np.uint16)
        self.refused = np.zeros(frames, np.uint16)
        self.unknown = np.zeros(frames, np.uint16)
        #: Sequence number that the JSON door named in its newest answer.
        self.told_seq = np.zeros(frames, np.int64)

    @property
    def done(self) -> int:
        """Messages that have an outcome."""
        return int(self.acknowledged.sum() + self.refused.sum() + self.unknown.sum())

    def save(self, path: Path) -> None:
        """Write it down."""
        np.savez_compressed(
            path,
            acknowledged=self.acknowledged,
            refused=self.refused,
            unknown=self.unknown,
            told_seq=self.told_seq,
        )

    @classmethod
    def load(cls, path: Path) -> "Ledger":
        """What `save` wrote."""
        with np.load(path) as stored:
            ledger = cls(len(stored["acknowledged"]))
            ledger.acknowledged, ledger.refused = stored["acknowledged"], stored["refused"]
            ledger.unknown, ledger.told_seq = stored["unknown"], stored["told_seq"]
        return ledger


@dataclass(frozen=True, slots=True)
class Address:
    """Where the doors are and who knocks. Ports stay the same over restarts, as a hospital's do."""

    http_port: int
    mqtt_port: int
    #: Key texts by role.
    keys: dict[str, str]
    #: The hospital's own broker, where there is one.
    broker_port: int = 0

    def principal(self, role: str) -> str:
        """The id of a key."""
        return self.keys[role].split("_")[1]
