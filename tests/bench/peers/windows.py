"""Windows beside river: mean, standard deviation, minimum and maximum of the last hour, after every observation.

One signal with a value a minute. river: TimeRolling of its Mean and Var over an hour; its minimum and maximum know no
time, so RollingMin and RollingMax over 60 values stand for an hour, which is the same at this rate. nightlamp:
FeatureEngine.rows gives the same four columns as float32 rows, one for each observation, by the code that serves. All
values are compared (1e-5 relative).
"""

import json
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from nightlamp._core import FeatureEngine, __version__, catalogue
from tests.bench.figures import Side, compare, seconds_a_call, skip

KEY, WHAT = "window.row", "an observation into a 1 h window and mean, std, min, max read after it"
OBSERVATIONS, MINUTE_US = 6_000, 60_000_000
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = ["HR.mean.1h", "HR.std.1h", "HR.min.1h", "HR.max.1h"]


def main() -> None:
    """Compare."""
    rng = np.random.default_rng(7)
    values = np.round(80 + rng.normal(size=OBSERVATIONS).cumsum() % 40, 1)
    ours, mine = _ours(values)
    sides = [ours]
    try:
        theirs, other = _river(values)
    except ImportError as error:
        skip(KEY, WHAT, "river", str(error), "ns")
    else:
        # The very first rows have too few values for a deviation.
        assert np.allclose(mine[2:], other[2:], rtol=1e-5, atol=1e-5), _apart(mine, other)
        sides.append(theirs)
    compare(KEY, WHAT, "ns", "lower", sides)


def _ours(values: NDArray[np.float64]) -> tuple[Side, NDArray[np.float32]]:
    features = [{"signal": "HR", "stats": ["mean", "std", "min", "max"], "windows": ["1h"]}]
    engine = FeatureEngine(json.dumps({"plan": {"features": features}}).encode())
    order = [engine.feature_names().index(name) for name in COLUMNS]
    number = next(signal["number"] for signal in catalogue() if signal["name"] == "HR")
    at = int(BEGAN.timestamp() * 1e6) + np.arange(OBSERVATIONS, dtype=np.int64) * MINUTE_US
    nobody = np.zeros(OBSERVATIONS, np.int64)
    signal = np.full(OBSERVATIONS, number, np.uint16)

    def rows() -> bytes:
        return engine.rows(nobody, signal, at, values, nobody, at)

    mine = np.frombuffer(rows(), np.float32).reshape(OBSERVATIONS, len(COLUMNS))[:, order]
    included = "exact windows by time; rows as float32; called once for all, from Python"
    side = Side("nightlamp", __version__, lambda: seconds_a_call(rows) / OBSERVATIONS * 1e9, included, True)
    return side, mine


def _river(values: NDArray[np.float64]) -> tuple[Side, NDArray[np.float64]]:
    from river import stats, utils

    # river compares with a time without a zone.
    times = [BEGAN.replace(tzinfo=None) + timedelta(minutes=n) for n in range(OBSERVATIONS)]
    given = [float(value) for value in values]

    def rows() -> list[tuple[float, float, float, float]]:
        hour = timedelta(hours=1)
        mean, var = utils.TimeRolling(stats.Mean, period=hour), utils.TimeRolling(stats.Var, period=hour, ddof=1)
        low, high = stats.RollingMin(60), stats.RollingMax(60)
        found = []
        for t, value in zip(times, given, strict=True):
            mean.update(value, t=t)
            var.update(value, t=t)
            low.update(value)
            high.update(value)
            found.append((mean.get(), max(var.get(), 0.0) ** 0.5, low.get(), high.get()))
        return found

    other = np.array(rows())
    included = "TimeRolling mean and variance, RollingMin and RollingMax of 60 values; a call each an observation"
    measure = lambda: seconds_a_call(rows, 0.01) / OBSERVATIONS * 1e9  # noqa: E731
    return Side("river", version("river"), measure, included), other


def _apart(mine: NDArray[np.float32], other: NDArray[np.float64]) -> str:
    worst = np.nanmax(np.abs(mine[2:] - other[2:]), axis=0)
    return f"columns differ by {dict(zip(COLUMNS, worst.tolist(), strict=True))}"


if __name__ == "__main__":
    main()
