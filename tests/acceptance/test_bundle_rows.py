"""P8 on real stays: the engine's feature rows equal an independent computation of their definition."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nightlamp.score.adapters.physionet import read
from nightlamp.score.fit import feature_rows
from nightlamp.score.recipe import load
from nightlamp.score.recording import HOUR_US, Recording

SHARED = Path(os.environ.get("NIGHTLAMP_SHARED", Path(__file__).resolve().parents[3] / "shared"))
DATA = SHARED / "data" / "physionet2019"
SIGNALS = {"HR": 0, "Temp": 2, "SBP": 3, "Creatinine": 19, "Lactate": 22}
HOURS = {"6h": 6, "12h": 12, "24h": 24, "stay": 10_000}
NORMAL = {"HR": (50, 90), "Temp": (36, 38), "SBP": (100, 180), "Creatinine": (0, 1.2), "Lactate": (0, 2)}
REDUCED = {"min": np.min, "max": np.max, "mean": np.mean}


@pytest.fixture(scope="module")
def real() -> Recording:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent: the PhysioNet/CinC Challenge 2019 training sets, open access at PhysioNet")
    return read(DATA, patients=40)


def naive(real: Recording, patient: int, signal: int, at_us: int, name: str) -> float:
    """Last, age, count, min, max, mean and times since straight from the words of the definition."""
    mine = (real.patient == patient) & (real.signal == signal) & (real.observed_at_us <= at_us)
    times, values = real.observed_at_us[mine], real.value[mine]
    of, stat, *window = name.split(".")
    if stat in ("last", "age"):
        if not len(values):
            return float("nan")
        return float(values[-1]) if stat == "last" else float(at_us - times[-1]) / HOUR_US
    if stat in ("time_since_first", "time_since_abnormal"):
        low, high = NORMAL[of]
        known = times[:1] if stat == "time_since_first" else times[(values < low) | (values > high)]
        return float(at_us - known[-1]) / HOUR_US if len(known) else float("nan")
    inside = values[times > at_us - HOURS[window[0]] * HOUR_US]
    if stat == "count":
        return float(len(inside))
    return float(REDUCED[stat](inside)) if len(inside) else float("nan")


def test_rows_of_real_stays_equal_the_definition(real: Recording) -> None:
    recipe = load("sepsis")
    names = recipe.engine().feature_names()
    rows = feature_rows(recipe, real, lambda *_: None)
    checked = [
        name
        for name in names
        if (parts := name.split("."))[0] in SIGNALS
        and len(parts) > 1
        and parts[1] in {"last", "age", "count", "time_since_first", "time_since_abnormal", *REDUCED}
        and (len(parts) == 2 or parts[2] in HOURS)
    ]
    assert len(checked) >= 25
    picked = np.random.default_rng(8).choice(real.rows, size=120, replace=False)
    compared = 0
    for row in picked:
        patient, at_us = int(real.row_patient[row]), int(real.row_at_us[row])
        for name in checked:
            expected = np.float32(naive(real, patient, SIGNALS[name.split(".")[0]], at_us, name))
            got = rows[row, names.index(name)]
            assert got == pytest.approx(expected, rel=2e-7, nan_ok=True), (patient, at_us // HOUR_US, name)
            compared += int(np.isfinite(expected))
    assert compared > 1_500


def test_rows_of_real_stays_know_age_sex_and_times_by_adt_alone(real: Recording) -> None:
    files = pl.concat([pl.read_parquet(DATA / f"set{site}.parquet") for site in "AB"], how="vertical_relaxed")
    files = files.filter(pl.col("patient_id").is_in(real.patient_id)).sort("patient_id", "ICULOS")
    assert files["patient_id"].to_list() == [real.patient_id[patient] for patient in real.row_patient]
    plan = {"demographics": ["age_years", "sex_male", "hours_in_unit", "hours_before_unit", "service_surgical"]}
    rows = feature_rows(dataclasses.replace(load("sepsis"), plan=plan), real, lambda *_: None)
    hours = pl.col("ICULOS")
    before = pl.when(pl.col("HospAdmTime") > 1 / 12).then(0).otherwise(-pl.col("HospAdmTime"))  # ahead of the A01: none
    expected = files.select(pl.col("Age") + hours // 24 / 365.2425, "Gender", hours, before, "Unit2").cast(pl.Float64)
    assert rows == pytest.approx(expected.fill_null(float("nan")).to_numpy(), rel=1e-6, abs=1 / 365, nan_ok=True)
    dayless = feature_rows(
        dataclasses.replace(load("sepsis"), plan={"demographics": ["age_years"]}), real, lambda *_: None
    )
    assert (
        np.abs(dayless[:, 0] * 365.2425 - np.rint(dayless[:, 0] * 365.2425)) < 0.01
    ).all()  # whole days, as in service


def test_the_data_is_what_the_reference_says(real: Recording) -> None:
    assert set(real.site.tolist()) == {"A", "B"}
    assert not (real.signal[real.site[real.patient] == "A"] == 7).any()  # EtCO2 never occurs in A
    fio2 = real.value[real.signal == 10]
    assert fio2.min() >= 0.21
    assert fio2.max() <= 1.0
