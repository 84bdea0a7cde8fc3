"""The hours at which a stay is asked about.

Rows are whole hours (UTC, or of the data's own clock), so that they fall on the edges of hourly cells: the first at or
after a stay's first hour, the last at or before its end. A stay longer than `STAY_H_MAX` is refused.
"""

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.recording import HOUR_US, DataError

#: Longest stay, hours: a year and a day.
STAY_H_MAX = 366 * 24


def hourly(
    patient: NDArray[np.int64], from_us: NDArray[np.int64], until_us: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Patient and time of the rows of stays (sorted by patient, then time; apart from each other)."""
    first, last = -(-from_us // HOUR_US), until_us // HOUR_US
    count = np.maximum(last - first + 1, 0)
    if (long := np.flatnonzero(count > STAY_H_MAX)).size:
        raise DataError(
            f"{long.size} stays are longer than {STAY_H_MAX // 24} days, the longest {int(count.max()) // 24}: "
            "give each stay a patient of its own (and the person in column person), or the discharge"
        )
    within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(patient, count), (np.repeat(first, count) + within) * HOUR_US
