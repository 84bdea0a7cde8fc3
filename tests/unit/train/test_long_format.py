"""Long format: what a site writes becomes the recording it means; what is wrong is named by file, line and column."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nightlamp._core import FeatureEngine, catalogue
from nightlamp.score.adapters.long_format import read
from nightlamp.score.labels import labels
from nightlamp.score.recording import HOUR_US, DataError, Recording
from nightlamp.score.table import read as table

NUMBER = {row["name"]: row["number"] for row in catalogue()}
NOON_US = 1_711_886_400_000_000  # 2024-03-31T12:00:00Z
OBSERVATIONS = """patient,time,code,value,unit
p2,2024-03-31T12:30:00Z,8867-4,80,/min
p2,2024-03-31T15:05:00+02:00,HR,90,bpm
p1,2024-03-31T12:00:00Z,Temp,98.6,[degF]
p1,2024-03-31T14:00:00Z,Consciousness,V,
p1,2024-03-31T16:10:00Z,PULS,61,
"""
OUTCOMES = "patient,time\np1,2024-03-31T15:20:00Z\n"
DATA = """name = "Ward 3"
[[codes]]
code = "PULS"
signal = "HR"
unit = "/min"
"""


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.{'toml' if name == 'data' else 'csv'}").write_text(text)
    return folder


def events(recording: Recording) -> list[tuple[str, int, float, float]]:
    """Patient, signal, hours after noon, value."""
    hours = (recording.observed_at_us - NOON_US) / HOUR_US
    columns = zip(recording.patient, recording.signal, hours, recording.value, strict=True)
    return [(recording.patient_id[p], int(s), round(float(t), 6), round(float(v), 6)) for p, s, t, v in columns]


def test_values_come_out_as_signals_in_canonical_units_at_their_instants(tmp_path: Path) -> None:
    recording = read(written(tmp_path, observations=OBSERVATIONS, outcomes=OUTCOMES, data=DATA))
    assert recording.patient_id == ["p1", "p2"]
    hr, temp, acvpu = NUMBER["HR"], NUMBER["Temp"], NUMBER["Consciousness"]
    assert events(recording) == [
        ("p1", temp, 0.0, 37.0),
        ("p1", acvpu, 2.0, 2.0),
        ("p1", hr, round(4 + 10 / 60, 6), 61.0),
        ("p2", hr, 0.5, 80.0),
        ("p2", hr, round(1 + 5 / 60, 6), 90.0),
    ]
    assert recording.dropped == {}
    assert recording.source.startswith("Ward 3; 2 files, sha256 ")


def test_rows_are_the_whole_hours_of_a_stay_and_labels_come_from_the_outcomes_times(tmp_path: Path) -> None:
    recording = read(written(tmp_path, observations=OBSERVATIONS, outcomes=OUTCOMES, data=DATA))
    at = ((recording.row_at_us - NOON_US) // HOUR_US).tolist()
    assert list(zip(recording.row_patient.tolist(), at, strict=True)) == [
        *((0, hour) for hour in range(6)),
        *((1, hour) for hour in (1, 2)),
    ]
    asks = labels(recording, "outcome", horizon_h=2)
    # The outcome at 15:20: 14:00 and 15:00 lie within two hours before it; from then on nothing is asked.
    assert asks.value.tolist() == [0, 0, 1, 1, -1, -1, 0, 0]
    assert asks.onset.tolist() == [4, -1]


def test_an_outcome_that_ends_is_asked_about_again(tmp_path: Path) -> None:
    outcomes = "patient,time,end\np1,2024-03-31T12:30:00Z,2024-03-31T14:00:00Z\np1,2024-03-31T16:30:00Z,\n"
    recording = read(written(tmp_path, observations=OBSERVATIONS, outcomes=outcomes, data=DATA))
    asks = labels(recording, "outcome", horizon_h=1)
    assert asks.value[:6].tolist() == [1, -1, 0, 0, 1, -1]
    assert asks.onset[0] == 1


def test_what_decode_would_refuse_is_missing_and_counted_by_reason(tmp_path: Path) -> None:
    bad = "".join(
        f"p1,2024-03-31T13:00:00Z,{code},{value},{unit}\n"
        for code, value, unit in [("HR", 80, ""), ("HR", 900, "/min"), ("Nope", 1, "/min"), ("Temp", '"37,5"', "Cel")]
    )
    recording = read(written(tmp_path, observations=OBSERVATIONS + bad, outcomes=OUTCOMES, data=DATA))
    assert len(recording.value) == 5
    assert recording.dropped == {
        "bad_data_type: the value is not one of Temp": 1,
        "implausible: HR is possible from 0 to 350 /min": 1,
        "missing_unit: HR needs one of: /min": 1,
        "unknown_code: code 'Nope' of system ''": 1,
    }


def test_a_result_enters_when_it_was_known_not_when_it_was_drawn(tmp_path: Path) -> None:
    observations = """patient,time_hours,known_hours,code,value,unit
p1,1,,HR,80,/min
p1,1.5,4.5,Lactate,3,mmol/L
p1,6,,HR,82,/min
"""
    recording = read(written(tmp_path, observations=observations, outcomes="patient,time_hours\np1,9\n"))
    assert recording.known_at_us is not None
    assert (recording.known_at_us / HOUR_US).tolist() == [1, 4.5, 6]
    assert (recording.observed_at_us / HOUR_US).tolist() == [1, 1.5, 6]
    assert (recording.row_at_us // HOUR_US).tolist() == [1, 2, 3, 4, 5, 6]
    plan = {"features": [{"signal": "Lactate", "stats": ["last", "age"]}]}
    engine = FeatureEngine(json.dumps({"plan": plan}).encode())
    columns = ("patient", "signal", "observed_at_us", "value", "row_patient", "row_at_us")
    made = engine.rows(*(getattr(recording, name).data for name in columns), known_at_us=recording.known_at_us.data)
    rows = np.frombuffer(made, dtype=np.float32).reshape(-1, 2)
    assert np.isnan(rows[:4]).all()
    assert rows[4:].tolist() == [[3.0, 3.5], [3.0, 4.5]]


def test_the_patients_file_is_told_by_adt_messages(tmp_path: Path) -> None:
    columns = "patient,birth_date,age_years,sex,admitted_at,unit_entered_at,discharged_at,unit,bed,service,site,person"
    patients = f"""{columns}
p1,1950-06-01,,female,2024-03-31T08:00:00Z,2024-03-31T11:00:00Z,2024-03-31T14:30:00Z,ICU,7,MED,north,x
p2,,40,M,2024-03-31T08:00:00Z,,,,,,,x
"""
    recording = read(written(tmp_path, observations=OBSERVATIONS, outcomes=OUTCOMES, patients=patients, data=DATA))
    told = [
        (int(of), message.split(b"\r")[1].split(b"|")[1])
        for of, message in zip(recording.encounter_patient, recording.encounters, strict=True)
    ]
    assert told == [(0, b"A01"), (0, b"A02"), (0, b"A03"), (1, b"A01")]
    first, second = recording.encounters[:2]
    assert b"||||19500601|F" in first
    assert b"ICU" not in first
    assert b"ICU^^7" in second
    assert recording.site.tolist() == ["north", "all"]
    assert recording.group.tolist() == [0, 0]
    assert ((recording.row_at_us[recording.row_patient == 0] - NOON_US) // HOUR_US).tolist() == [0, 1, 2]


def test_a_label_column_names_the_rows(tmp_path: Path) -> None:
    observations = """patient,time_us,code,value,unit,label
a,3600000000,HR,80,/min,0
a,3600000000,Temp,37,Cel,0
a,7200000000,HR,81,/min,
a,9000000000,HR,82,/min,1
b,1,HR,70,/min,-1
"""
    recording = read(written(tmp_path, observations=observations))
    assert (recording.row_patient.tolist(), recording.row_at_us.tolist()) == ([0, 0, 1], [HOUR_US, 9_000_000_000, 1])
    assert recording.label.tolist() == [0, 1, -1]
    clash = observations.replace("37,Cel,0", "37,Cel,1")
    with pytest.raises(DataError, match=r"observations\.csv, line 3, column label: another label"):
        read(written(tmp_path, observations=clash))


REFUSED = {
    "no unit": ("unit", "einheit", "observations.csv, column unit: the column is missing"),
    "unknown column": ("unit\n", "unit,extra\n", "observations.csv, column extra: no such column is read"),
    "no offset": ("12:30:00Z", "12:30:00", "observations.csv, line 2, column time: the time has no offset"),
    "a date": ("2024-03-31T12:30:00Z", "2024-03-31", "observations.csv, line 2, column time: expected a time as"),
    "no such day": ("2024-03-31T12:30", "2024-02-30T12:30", "observations.csv, line 2, column time: expected"),
    "no such offset": ("+02:00", "+99:00", "observations.csv, line 3, column time: expected"),
    "no patient": (
        "p2,2024-03-31T15",
        ",2024-03-31T15",
        "observations.csv, line 3, column patient: a value is missing",
    ),
    "ragged": ("90,bpm", "90,bpm,", "observations.csv, line 3: 6 fields, where the header has 5"),
    "no time": ("p1,2024-03-31T12:00:00Z", "p1,", "observations.csv, line 4, column time: a time is missing"),
}


@pytest.mark.parametrize(("before", "after", "says"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_file_line_column_and_what_was_expected(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    assert before in OBSERVATIONS
    folder = written(tmp_path, observations=OBSERVATIONS.replace(before, after, 1), outcomes=OUTCOMES, data=DATA)
    with pytest.raises(DataError) as refused:
        read(folder)
    assert says in str(refused.value)
    assert "p2" not in str(refused.value)


@pytest.mark.parametrize(
    ("patients", "says"),
    [
        ("patient,sex\np1,M\np1,F\n", "patients.csv, line 3, column patient: the patient stands here a second time"),
        ("patient,sex\np1,X\n", "patients.csv, line 2, column sex: expected nothing or one of"),
        ("patient,birth_date\np1,1.6.1950\n", "patients.csv, line 2, column birth_date: expected a day as"),
        ("patient,age_years\np1,1950\n", "patients.csv, line 2, column age_years: expected years"),
        ("patient,admitted_at,admitted_at_us\np1,,\n", "patients.csv, column admitted_at_us: the same time stands in"),
        ("patient,admitted_at_hours,discharged_at_hours\np1,9,8\n", "column discharged_at: the discharge lies before"),
    ],
)
def test_a_patients_file_that_is_wrong_is_refused_by_its_line(tmp_path: Path, patients: str, says: str) -> None:
    folder = written(tmp_path, observations=OBSERVATIONS, outcomes=OUTCOMES, patients=patients, data=DATA)
    with pytest.raises(DataError) as refused:
        read(folder)
    assert says in str(refused.value)


def test_outcomes_are_asked_for_and_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither outcomes\.csv nor outcomes\.parquet"):
        read(written(tmp_path, observations=OBSERVATIONS, data=DATA))
    outcomes = "patient,time,end\np1,2024-03-31T15:20:00Z,2024-03-31T15:00:00Z\n"
    with pytest.raises(DataError, match=r"outcomes\.csv, line 2, column end: the outcome ends before"):
        read(written(tmp_path, outcomes=outcomes))
    with pytest.raises(DataError, match=r"data\.toml: .*expected are name, timezone"):
        read(written(tmp_path, data="zone = 'UTC'"))
    with pytest.raises(DataError, match="code map: no signal 'Puls'"):
        read(written(tmp_path, data=DATA.replace("HR", "Puls")))


def test_local_times_are_in_the_named_zone_and_those_without_one_meaning_are_refused(tmp_path: Path) -> None:
    def at(zone: str, time: str) -> list[int]:
        file = tmp_path / "t.csv"
        file.write_text(f"time\n2024-07-01T00:00:00Z\n{time}\n")
        return table(file, zone).times("time").tolist()

    assert at("Europe/Berlin", "2024-03-31 14:00")[1] == NOON_US
    assert at("Europe/Berlin", "2024-03-31T07:00:00.250-05:00")[1] == NOON_US + 250_000
    for odd in ("2024-03-31T02:30:00", "2024-10-27T02:30:00"):
        with pytest.raises(DataError, match=r"t\.csv, line 3, column time: in Europe/Berlin the clocks skipped"):
            at("Europe/Berlin", odd)
    with pytest.raises(DataError, match="there is no zone of this name"):
        at("Middle/Earth", "2024-03-31T07:00:00Z")


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "csv", tmp_path / "parquet"
    csv.mkdir(), parquet.mkdir()
    written(csv, observations=OBSERVATIONS, outcomes=OUTCOMES, data=DATA)
    written(parquet, data=DATA)
    for name in ("observations", "outcomes"):
        frame = pl.read_csv(csv / f"{name}.csv", infer_schema=False)
        times = frame["time"].str.replace("Z", "+00:00").str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_unit="ms")
        frame.with_columns(times.alias("time")).write_parquet(parquet / f"{name}.parquet")
    one, other = read(csv), read(parquet / "observations.parquet")
    assert one.sha256() == other.sha256()
    assert np.array_equal(one.value, other.value)


def test_the_first_patients_alone_are_a_recording_too(tmp_path: Path) -> None:
    folder = written(tmp_path, observations=OBSERVATIONS, outcomes=OUTCOMES, data=DATA)
    one = read(folder, 1)
    assert (one.patients, one.rows, len(one.value), len(one.encounters)) == (1, 6, 3, 1)
    assert read(folder).take(np.array([0])).sha256() == one.sha256()
    other = read(folder).take(np.array([1]))
    assert (other.patient_id, set(other.patient.tolist()), len(other.value)) == (["p2"], {0}, 2)
