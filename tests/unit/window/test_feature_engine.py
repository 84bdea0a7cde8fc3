"""Training reads the serving engine: its rows equal the definition, whatever is wrong with the call is named."""

import json
import random
import statistics
from array import array

import pytest

from nightlamp._core import Decoder, FeatureEngine
from nightlamp.score.adt_text import Left, Stay, adt, birth_date

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
    engine: FeatureEngine, events: list[tuple[int, int, int, float]], at: list[tuple[int, int]], ages: list[int]
) -> list[list[float]]:
    """The engine's rows as lists."""
    out = engine.rows(
        patient=array("q", [e[0] for e in events]),
        signal=array("H", [e[2] for e in events]),
        observed_at_us=array("q", [e[1] for e in events]),
        value=array("d", [e[3] for e in events]),
        row_patient=array("q", [r[0] for r in at]),
        row_at_us=array("q", [r[1] for r in at]),
        encounter_patient=array("q", range(len(ages))),
        encounters=[adt("A01", Stay(f"P{n}", birth_date(age, 0)), 0) for n, age in enumerate(ages)],
    )
    values = array("f", out)
    width = len(engine.feature_names())
    return [list(values[i : i + width]) for i in range(0, len(values), width)]


def test_training_rows_equal_the_definition() -> None:
    engine = FeatureEngine(MANIFEST)
    events = recording(patients=5, hours=40)
    at = [(patient, hour * HOUR_US) for patient in range(5) for hour in range(0, 45, 3)]
    rows = rows_of(engine, events, at, [20, 21, 22, 23, 24])
    names = engine.feature_names()
    assert names[-2:] == ["age_years", "shock_index"]
    compared = 0
    for (patient, t_us), row in zip(at, rows, strict=True):
        got = dict(zip(names, row, strict=True))
        seen = {s: [(e[1], e[3]) for e in events if e[0] == patient and e[2] == s and e[1] <= t_us] for s in (HR, SBP)}
        window = [value for observed, value in seen[HR] if observed > t_us - 6 * HOUR_US]
        assert got["HR.count.6h"] == len(window)
        assert got["age_years"] == pytest.approx(20 + patient, abs=2 / 365)
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
        ({"encounter_patient": array("q", [1])}, "encounter columns differ"),
        ({"encounter_patient": array("q", [1]), "encounters": [b"MSH|secret"]}, "encounter 0 names no time in MSH-7$"),
        ({"encounter_patient": array("q", [1]), "encounters": [adt("A99", Stay("P"), 0)]}, "unsupported_event$"),
        ({"encounter_patient": array("q", [2, 1]), "encounters": [adt("A01", Stay("P"), 0)] * 2}, "sorted"),
    ]:
        with pytest.raises(ValueError, match=words):
            engine.rows(**(good | change))
    with pytest.raises(BufferError, match="value must be"):
        engine.rows(**(good | {"value": array("f", [80.0, 81.0])}))


def test_encounters_are_decoded_by_the_sites_decoder_and_codes_become_the_places_of_their_categories() -> None:
    plan = {
        "demographics": ["hours_of_stay", "diagnoses_count"],
        "coded": [
            {"field": "admit_source", "categories": ["1", "7,EMER"]},
            {"field": "diagnosis_1", "name": "first_diagnosis", "categories": ["icd9:390-459", "icd9:250"]},
        ],
    }
    engine = FeatureEngine(json.dumps(plan).encode())
    assert engine.feature_names() == ["hours_of_stay", "diagnoses_count", "admit_source", "first_diagnosis"]
    assert engine.categorical() == ["admit_source", "first_diagnosis"]
    stay = Stay("P|1", unit="WARD & A", bed="3", admit_source="EMER", admitted_us=-HOUR_US)
    left = Left(discharged_us=5 * HOUR_US, diagnoses=["250.02", ""], coding="I9C")
    messages = [adt("A01", stay, 0), adt("A03", stay, 6 * HOUR_US, left)]
    nothing = {"patient": [], "signal": [], "observed_at_us": [], "value": [], "row_at_us": [HOUR_US, 7 * HOUR_US]}
    kinds = {"patient": "q", "signal": "H", "observed_at_us": "q", "value": "d", "row_at_us": "q"}
    columns = {name: array(kinds[name], values) for name, values in nothing.items()}
    told = {"row_patient": array("q", [4, 4]), "encounter_patient": array("q", [4, 4]), "encounters": messages}
    nan = float("nan")
    for decoder in (None, Decoder('{"timezone": "Europe/Berlin"}')):
        values = list(array("f", engine.rows(**columns, **told, decoder=decoder)))
        assert values == pytest.approx([2, nan, 1, nan, 6, 2, 1, 1], nan_ok=True)
    local = [message.replace(b"+0000", b"") for message in messages]
    berlin = engine.rows(**columns, **told | {"encounters": local}, decoder=Decoder('{"timezone": "Europe/Berlin"}'))
    assert list(array("f", berlin)) == pytest.approx([3, nan, 1, nan, 6, 2, 1, 1], nan_ok=True)  # an hour east of UTC
    decoded = Decoder("{}").decode(1, "", 0, messages[0])
    assert not decoded["rejected"]
