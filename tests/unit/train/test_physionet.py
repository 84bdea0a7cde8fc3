"""The adapter knows the traps of the files: what is not the signal in its unit is missing and counted."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nightlamp._core import FeatureEngine, catalogue
from nightlamp.score.adapters.physionet import read, signal_names
from nightlamp.score.recording import HOUR_US, DataError, Recording

SHARED = Path(os.environ.get("NIGHTLAMP_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "data/physionet2019"
NUMBER = {row["name"]: row["number"] for row in catalogue()}


def hours(patient: str, count: int, first_hour: int = 1, **columns: list[float | None]) -> pl.DataFrame:
    """An hourly stay; columns not given were never measured."""
    fixed: Mapping[str, list[object]] = {
        "patient_id": [patient] * count,
        "Age": [61.5] * count,
        "Gender": [1] * count,
        "Unit1": [None] * count,
        "Unit2": [None] * count,
        "HospAdmTime": [-3.0] * count,
        "ICULOS": list(range(first_hour, first_hour + count)),
        "SepsisLabel": [0] * count,
    }
    measured = {name: columns.get(name, [None] * count) for name in signal_names()}
    types = dict.fromkeys(measured, pl.Float64) | {"Unit1": pl.Float64, "Unit2": pl.Float64}
    return pl.DataFrame({**fixed, **measured}, schema_overrides=types)


def recorded(folder: Path, a: pl.DataFrame, b: pl.DataFrame) -> Recording:
    a.write_parquet(folder / "setA.parquet")
    b.write_parquet(folder / "setB.parquet")
    return read(folder)


def values(recording: Recording, name: str) -> list[float]:
    return recording.value[recording.signal == NUMBER[name]].tolist()


def test_oxygen_fractions_lose_their_junk(tmp_path: Path) -> None:
    fio2 = [0.21, 0.5, 1.0, 21.0, 45.0, 100.0, -50.0, 4000.0, 0.1, 2.0, 0.0]
    recording = recorded(tmp_path, hours("p000001", 11, FiO2=fio2), hours("p100001", 2))
    assert values(recording, "FiO2") == [0.21, 0.5, 1.0, 0.21, 0.45, 1.0]
    assert recording.dropped == {"FiO2": 5}


def test_ionised_calcium_is_not_total_calcium(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path, hours("p000001", 2, Calcium=[8.5, 9.0]), hours("p100001", 3, Calcium=[1.1, 8.0, 1.3])
    )
    assert values(recording, "Calcium") == [8.5, 9.0, 8.0]
    assert recording.dropped == {"Calcium": 2}


def test_every_value_passes_the_range_that_decode_holds(tmp_path: Path) -> None:
    edges = {row["name"]: (row["low"], row["high"]) for row in catalogue()[:34] if row["name"] != "FiO2"}
    inside = {name: [low, high, None, None] for name, (low, high) in edges.items()}
    outside = {name: [None, None, low - 0.01, high + 0.01] for name, (low, high) in edges.items()}
    both = {name: [*inside[name][:2], *outside[name][2:]] for name in edges}
    recording = recorded(tmp_path, hours("p000001", 4, **both), hours("p100001", 1))
    for name, (low, high) in edges.items():
        assert values(recording, name) == [low, high], name
    assert recording.dropped == dict.fromkeys(edges, 2)


def test_an_hour_is_an_event_at_its_hour_and_a_row_that_sees_it(tmp_path: Path) -> None:
    late = hours("p000002", 3, first_hour=5, HR=[80.0, None, 82.0], Lactate=[None, 2.5, None])
    recording = recorded(tmp_path, pl.concat([late, hours("p000001", 2)]), hours("p100007", 2, HR=[70.0, 71.0]))
    assert recording.patient_id == ["p000001", "p000002", "p100007"]
    assert recording.site.tolist() == ["A", "A", "B"]
    assert recording.row_patient.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert (recording.row_at_us // HOUR_US).tolist() == [1, 2, 5, 6, 7, 1, 2]
    events = zip(recording.patient, recording.signal, recording.observed_at_us // HOUR_US, recording.value, strict=True)
    expected = [(1, "HR", 5, 80.0), (1, "Lactate", 6, 2.5), (1, "HR", 7, 82.0), (2, "HR", 1, 70.0), (2, "HR", 2, 71.0)]
    assert list(events) == [(patient, NUMBER[name], hour, value) for patient, name, hour, value in expected]


def test_what_the_files_say_of_a_stay_arrives_in_the_rows_through_adt(tmp_path: Path) -> None:
    surgical = hours("p000001", 2).with_columns(pl.lit(0.0).alias("Unit1"), pl.lit(1.0).alias("Unit2"))
    unknown = {"Age": None, "Gender": None, "HospAdmTime": None}
    nobody = hours("p000002", 1).with_columns(pl.lit(v, dtype=pl.Float64).alias(k) for k, v in unknown.items())
    medical = hours("p100001", 1).with_columns(
        pl.lit(1.0).alias("Unit1"), pl.lit(0).cast(pl.Int64).alias("Gender"), pl.lit(7.5).alias("HospAdmTime")
    )
    recording = recorded(tmp_path, pl.concat([surgical, nobody], how="vertical_relaxed"), medical)
    names = ["age_years", "sex_male", "hours_since_admission", "hours_in_unit", "hours_before_unit"]
    names += ["service_medical", "service_surgical"]
    engine = FeatureEngine(json.dumps({"demographics": names}).encode())
    columns = (recording.patient, recording.signal, recording.observed_at_us, recording.value)
    told = (recording.row_patient, recording.row_at_us, recording.encounter_patient)
    made = engine.rows(*(column.data for column in columns + told), recording.encounters)
    rows = np.frombuffer(made, dtype=np.float32).reshape(-1, len(names))
    nan = float("nan")
    expected = [
        [61.5, 1, 4, 1, 3, 0, 1],
        [61.5, 1, 5, 2, 3, 0, 1],
        [nan, nan, 1, 1, 0, nan, nan],  # without PV1-44 the admission is the A01
        [61.5, 0, 1, 1, 0, 1, 0],  # an admission ahead of its own message is none
    ]
    assert rows == pytest.approx(np.array(expected), nan_ok=True, abs=1 / 365)


def test_published_psv_files_say_the_same_as_parquet(tmp_path: Path) -> None:
    frames = [hours("p000001", 3, HR=[80.0, None, 82.0]), hours("p100001", 2, Temp=[37.0, None])]
    (tmp_path / "parquet").mkdir()
    (tmp_path / "psv/training_setA").mkdir(parents=True)
    parquet = recorded(tmp_path / "parquet", *frames)
    for frame in frames:
        file = tmp_path / "psv/training_setA" / f"{frame['patient_id'][0]}.psv"
        frame.drop("patient_id").write_csv(file, separator="|", null_value="NaN")
    psv = read(tmp_path / "psv")
    for field in (
        "patient",
        "signal",
        "observed_at_us",
        "value",
        "row_patient",
        "row_at_us",
        "label",
        "site",
        "encounters",
    ):
        assert np.array_equal(getattr(psv, field), getattr(parquet, field)), field
    assert psv.patient_id == parquet.patient_id


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"setA\.parquet"):
        read(tmp_path)
    hours("p000001", 1).drop("Resp").write_parquet(tmp_path / "setA.parquet")
    with pytest.raises(DataError, match="no column Resp"):
        read(tmp_path)


def test_p8_decode_keeps_of_the_real_files_what_the_written_rules_keep() -> None:
    """The rules again, naively: the catalogue's range, and of FiO2 the fraction."""
    if not (SHARED / "setA.parquet").exists():
        pytest.skip(f"{SHARED} holds no PhysioNet/CinC Challenge 2019 data")
    recording = read(SHARED, 2_000)
    files = [pl.read_parquet(SHARED / f"set{site}.parquet") for site in "AB"]
    frame = pl.concat([file.select("patient_id", "ICULOS", *signal_names()) for file in files], how="vertical_relaxed")
    frame = frame.filter(pl.col("patient_id").is_in(recording.patient_id)).sort("patient_id", "ICULOS")
    for row in catalogue()[:34]:
        column = frame[row["name"]].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        if row["name"] == "FiO2":
            column = np.where((column >= 21) & (column <= 100), column / 100, column)
        kept = (column >= row["low"]) & (column <= row["high"])
        assert np.array_equal(recording.value[recording.signal == row["number"]], column[kept]), row["name"]
        assert recording.dropped.get(row["name"], 0) == int((~np.isnan(column) & ~kept).sum()), row["name"]
