"""Training reads the serving engine: its rows equal the definition, whatever is wrong with the call is named."""

import json
import random
import statistics
from array import array

import pytest

from nightlamp._core import FeatureEngine

HOUR_US = 3_600_000_000
HR, SBP = 0, 3  # numbers of the signal catalogue
MANIFEST = b"""
name = "a manifest may hold more than the plan"
[plan]
demographics = ["age_years"]
derived = ["shock_index"]
[[plan.features]]
signal = "HR"
stats = ["last", "age", "count", "min", "max", "mean", "std"]
windows = ["6h"]
[[plan.features]]
signal = "SBP"
stats = ["last"]
"""


def recording(patients: int, hours: int) -> list[tuple[int, int, int, float]]:
    """Hourly values of two signals with gaps: (patient, time, signal, value), sorted by patient and time."""
    draw = random.Random(5)
    rows = []
    for patient in range(patients):
        for hour in range(hours):
            for signal in (HR, SBP):
                if draw.random() < 0.7:
                    rows.append((patient, hour * HOUR_US, signal, round(draw.uniform(50, 160), 1)))
    return rows


def rows_of(
    engine: FeatureEngine, events: list[tuple[int, int, int, float]], at: list[tuple[int, int]], ages: list[float]
) -> list[list[float]]:
    """The engine's rows as lists."""
    out = engine.rows(
        patient=array("q", [e[0] for e in events]),
        signal=array("H", [e[2] for e in events]),
        observed_at_us=array("q", [e[1] for e in events]),
        value=array("d", [e[3] for e in events]),
        row_patient=array("q", [r[0] for r in at]),
        row_at_us=array("q", [r[1] for r in at]),
        demographics=array("d", ages),
    )
    values = array("f", out)
    width = len(engine.feature_names())
    return [list(values[i : i + width]) for i in range(0, len(values), width)]


def test_training_rows_equal_the_definition() -> None:
    engine = FeatureEngine(MANIFEST)
    events = recording(patients=5, hours=40)
    at = [(patient, hour * HOUR_US) for patient in range(5) for hour in range(0, 45, 3)]
    rows = rows_of(engine, events, at, [float(patient) for patient, _ in at])
    names = engine.feature_names()
    assert names[-2:] == ["age_years", "shock_index"]
    compared = 0
    for (patient, t_us), row in zip(at, rows, strict=True):
        got = dict(zip(names, row, strict=True))
        seen = {s: [(e[1], e[3]) for e in events if e[0] == patient and e[2] == s and e[1] <= t_us] for s in (HR, SBP)}
        window = [value for observed, value in seen[HR] if observed > t_us - 6 * HOUR_US]
        assert got["HR.count.6h"] == len(window)
        assert got["age_years"] == patient
        if len(window) >= 2 and seen[SBP]:
            compared += 1
            assert got["HR.last"] == pytest.approx(seen[HR][-1][1], rel=1e-6)
            assert got["HR.age"] == pytest.approx((t_us - seen[HR][-1][0]) / HOUR_US, rel=1e-6)
            assert got["HR.min.6h"] == pytest.approx(min(window), rel=1e-6)
            assert got["HR.max.6h"] == pytest.approx(max(window), rel=1e-6)
            assert got["HR.mean.6h"] == pytest.approx(statistics.fmean(window), rel=1e-6)
            assert got["HR.std.6h"] == pytest.approx(statistics.stdev(window), rel=1e-6)
            assert got["shock_index"] == pytest.approx(seen[HR][-1][1] / seen[SBP][-1][1], rel=1e-6)
    assert compared > 40


def test_a_patient_never_sees_another_patients_values() -> None:
    engine = FeatureEngine(
        json.dumps({"features": [{"signal": "HR", "stats": ["last", "count"], "windows": ["stay"]}]}).encode()
    )
    events = [(1, 0, HR, 80.0), (1, HOUR_US, HR, 81.0), (2, 0, HR, 90.0), (4, 0, HR, 70.0)]
    rows = rows_of(engine, events, [(0, 0), (1, 0), (1, HOUR_US), (3, 0), (4, 5)], [])
    nan = pytest.approx(float("nan"), nan_ok=True)
    assert rows == [[nan, 0], [80, 1], [81, 2], [nan, 0], [70, 1]]


def test_the_fingerprint_is_the_same_for_toml_and_json() -> None:
    entry = {"signal": "HR", "stats": ["mean"], "windows": ["6h"], "normal": [60, 100]}
    toml = b'[[features]]\nsignal = "HR"\nstats = ["mean"]\nwindows = ["6h"]\nnormal = [60.0, 100.0]\n'
    assert FeatureEngine(json.dumps({"features": [entry]}).encode()).fingerprint() == FeatureEngine(toml).fingerprint()


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (b"[[features]]\nsignal = 'Mood'\nstats = ['last']", "Mood"),
        (b"[[features]]\nsignal = 'HR'\nstats = ['last']\ncolour = 1", "colour"),
        (b"{", "EOF"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_bad_plan_is_refused_with_the_place(plan: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FeatureEngine(plan)


def test_bad_columns_are_refused_and_nothing_is_returned() -> None:
    engine = FeatureEngine(b"[[features]]\nsignal = 'HR'\nstats = ['last']")
    good = {
        "patient": array("q", [1, 2]),
        "signal": array("H", [HR, HR]),
        "observed_at_us": array("q", [0, 0]),
        "value": array("d", [80.0, 81.0]),
        "row_patient": array("q", [1, 2]),
        "row_at_us": array("q", [0, 0]),
    }
    assert list(array("f", engine.rows(**good))) == [80.0, 81.0]
    for change, words in [
        ({"patient": array("q", [2, 1])}, "sorted"),
        ({"value": array("d", [80.0])}, "length"),
        ({"value": array("d", [80.0, float("nan")])}, "1 observations"),
        ({"demographics": array("d", [1.0])}, "demographics must hold"),
    ]:
        with pytest.raises(ValueError, match=words):
            engine.rows(**(good | change))
    with pytest.raises(BufferError, match="value must be"):
        engine.rows(**(good | {"value": array("f", [80.0, 81.0])}))
