"""Which patients a bundle was trained on, told without naming them.

The 512 smallest of the patients' hashes (a bottom-k sketch: Cohen, Kaplan 2007). A hash is BLAKE2b, 8 bytes, over the
number of a stay's rows and its first 32 recorded values with their signals and times: no identifier goes in. Data that
share patients with the training data share hashes with the sketch: of a tenth of those who were in training, a tenth of
the sketch.
"""

import hashlib

import numpy as np

from nightlamp.score.recording import Recording

SIZE = 512
VALUES = 32


def hashes(recording: Recording) -> list[str]:
    """One a patient, 16 hexadecimal digits; patients without a value have none."""
    events, rows = recording.event_bounds(), recording.row_bounds()
    length = np.diff(rows)
    since = recording.observed_at_us - recording.row_at_us[np.minimum(rows[:-1], recording.rows - 1)][recording.patient]
    found = []
    for at in range(recording.patients):
        first, last = int(events[at]), int(min(events[at] + VALUES, events[at + 1]))
        if first == last:
            continue
        digest = hashlib.blake2b(int(length[at]).to_bytes(8, "little"), digest_size=8)
        digest.update(recording.signal[first:last].astype("<u2").tobytes())
        digest.update(since[first:last].astype("<i8").tobytes())
        digest.update(recording.value[first:last].astype("<f4").tobytes())
        found.append(digest.hexdigest())
    return found


def sketch(recording: Recording) -> list[str]:
    """The smallest hashes, sorted."""
    return sorted(set(hashes(recording)))[:SIZE]


def seen(recording: Recording, known: list[str]) -> float:
    """The share of the sketch's patients that this recording holds."""
    return len(set(known) & set(hashes(recording))) / len(known) if known else 0.0
