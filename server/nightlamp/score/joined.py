"""Records that were merged (ADT A40), in recorded data: what the survivor's windows held, when they held it (P8).

From the merge on the survivor's state holds the former record's values too; so they become known to the survivor then,
but where the survivor has a word of its own about the same signal and time. The former record stays a patient number
of its own until the merge, as serving scored it, and both stand for one person: folds keep them together.

Not as in serving: of what ADT said of the former record nothing passes to the survivor, and a value older than what
the survivor's windows still take in is left out of panes and sums of the stay, where serving added the former's sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Merge:
    """A row of `patient_merges`."""

    former: bytes
    patient: bytes
    received_us: int


@dataclass(frozen=True)
class Events:
    """Observations in the order in which they were told; columns of one length."""

    patient: NDArray[np.int64]
    signal: NDArray[np.uint16]
    observed_us: NDArray[np.int64]
    known_us: NDArray[np.int64]
    value: NDArray[np.float64]


def joined(
    events: Events, merges: Sequence[Merge], number: dict[bytes, int]
) -> tuple[Events, NDArray[np.int64] | None, dict[int, int]]:
    """Events with those that merges made known to survivors, who each number is (None without a merge), and when
    former records ended, microseconds, by number."""
    ended: dict[int, int] = {}
    person = np.arange(len(number), dtype=np.int64)
    for merge in merges:
        former, into = number.get(merge.former), number.get(merge.patient)
        if former is None or into is None:
            continue  # one of them has no value
        person[person == person[former]] = person[into]
        ended[former] = merge.received_us
        events = _with(events, former, into, merge.received_us)
    return events, person if ended else None, ended


def _with(events: Events, former: int, into: int, at_us: int) -> Events:
    """Events of `former` held true at a time become known to `into` then."""
    before = events.known_us <= at_us
    theirs, own = np.flatnonzero((events.patient == former) & before), (events.patient == into) & before
    said = set(zip(events.signal[own].tolist(), events.observed_us[own].tolist(), strict=True))
    newest: dict[tuple[int, int], int] = {}
    for place in theirs.tolist():
        newest[int(events.signal[place]), int(events.observed_us[place])] = place
    kept = np.array(
        [place for key, place in newest.items() if key not in said and not np.isnan(events.value[place])],
        dtype=np.int64,
    )
    return Events(
        patient=np.append(events.patient, np.full(len(kept), into, dtype=np.int64)),
        signal=np.append(events.signal, events.signal[kept]),
        observed_us=np.append(events.observed_us, events.observed_us[kept]),
        known_us=np.append(events.known_us, np.full(len(kept), at_us, dtype=np.int64)),
        value=np.append(events.value, events.value[kept]),
    )
