"""Which patients a bundle was trained on, told without naming them.

The 512 smallest of the patients' hashes (a bottom-k sketch: Cohen, Kaplan 2007). A hash is BLAKE2b, 8 bytes, over the
number of a stay's rows, its first 32 recorded values with their signals and times, and its first admission message
without the segments MSH, EVN and PID: nothing that names a patient goes in. Data that
share patients with the training data share hashes with the sketch: of a tenth of those who were in training, a tenth of
the sketch.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from nightlamp.score.recording import Recording

SIZE = 512
VALUES = 32


def hashes(recording: Recording) -> list[str]:
    """One a patient, 16 hexadecimal digits; patients of whom nothing is recorded have none."""
    events, rows, told = recording.event_bounds(), recording.row_bounds(), recording.encounter_bounds()
    length = np.diff(rows)
    since = recording.observed_at_us - recording.row_at_us[np.minimum(rows[:-1], recording.rows - 1)][recording.patient]
    found = []
    for at in range(recording.patients):
        first, last = int(events[at]), int(min(events[at] + VALUES, events[at + 1]))
        admission = _facts(recording.encounters[told[at]]) if told[at] < told[at + 1] else b""
        if first == last and not admission:
            continue
        digest = hashlib.blake2b(int(length[at]).to_bytes(8, "little"), digest_size=8)
        digest.update(recording.signal[first:last].astype("<u2").tobytes())
        digest.update(since[first:last].astype("<i8").tobytes())
        digest.update(recording.value[first:last].astype("<f4").tobytes())
        digest.update(admission)
        found.append(digest.hexdigest())
    return found


def _facts(message: bytes) -> bytes:
    """Of an ADT message what does not name anybody."""
    return b"\r".join(segment for segment in message.split(b"\r") if segment[:3] not in (b"MSH", b"EVN", b"PID"))


def sketch(recording: Recording) -> list[str]:
    """The smallest hashes, sorted."""
    return sorted(set(hashes(recording)))[:SIZE]


def seen(recording: Recording, known: list[str]) -> float:
    """The share of the sketch's patients that this recording holds."""
    return len(set(known) & set(hashes(recording))) / len(known) if known else 0.0


@dataclass(frozen=True)
class Overlap:
    """How much of what trained a bundle is in a recording."""

    same_data: bool
    """The data are those the manifest names."""
    share: float
    """Of the sketch's patients, those found; 0 where there is no sketch."""

    @property
    def any(self) -> bool:
        """Whether any of these patients trained the bundle."""
        return self.same_data or self.share > 0.0


def overlap(recording: Recording, manifest: dict[str, Any], metrics: dict[str, Any]) -> Overlap:
    """Of this recording with the training data of a bundle."""
    same = manifest["training"]["data"] == recording.source
    return Overlap(same, seen(recording, metrics.get("patients_sketch", [])))
