"""Feature rows of all PhysioNet patients beside the same features in pandas: one core each, one run, values compared.

Run it: python -m tests.bench.features [--patients N] [--data FOLDER]. The peer is what a careful person writes with
pandas and nothing else: a wide hourly frame sorted by patient and hour, `groupby().rolling()` over rows (the hours are
consecutive, which is checked; windows by time would be slower), all vital signs of a window in one call, forward fill
for last values, ages and ratios as arithmetic on whole columns, slopes from rolling sums, points by `numpy.select`.
Both sides begin with what was read into memory, reading is not timed. Where pandas would take more than two minutes it
gets a part of the patients (taken evenly from both hospitals) and its time is scaled by rows; the part is printed.
"""

import argparse
import gc
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nightlamp._core import FeatureEngine
from nightlamp.score import fit
from nightlamp.score.adapters.physionet import read, signal_names
from nightlamp.score.recipe import Recipe, load
from nightlamp.score.recording import HOUR_US, DataError, Recording

DATA = Path(os.environ.get("NIGHTLAMP_SHARED", "../shared")) / "data/physionet2019"
ENGINE_S_MAX, RATIO_MIN, PEER_S_MAX = 20.0, 30.0, 120.0
TRIAL_PATIENTS = 2_000
TOLERANCE = 2e-4
VITALS = ["HR", "O2Sat", "Temp", "SBP", "MAP", "DBP", "Resp"]
COURSES = ["HCO3", "pH", "BUN", "Creatinine", "Glucose", "Lactate", "Potassium", "Hct", "WBC", "Platelets"]
WINDOWS = [6, 12, 24]
SPREAD = ["min", "max", "mean", "std"]
DERIVED = [
    "shock_index",
    "pulse_pressure",
    "bun_creatinine",
    "spo2_fio2",
    "news2_points",
    "sirs_points",
    "qsofa_points",
]


def plan() -> dict[str, Any]:
    """Seven vital signs over three windows, 26 laboratory values, seven derived features."""
    hours = [f"{h}h" for h in WINDOWS]
    features: list[dict[str, Any]] = []
    for name in VITALS:
        features.append({"signal": name, "stats": ["last", "age", *SPREAD, "delta"], "windows": hours})
        features.append({"signal": name, "stats": ["slope"], "windows": ["6h"]})
    for name in laboratory():
        more = ["delta"] if name in COURSES else []
        features.append({"signal": name, "stats": ["last", "age", "count", *more], "windows": ["24h"]})
    return {"features": features, "derived": DERIVED, "cell": "1h"}


def laboratory() -> list[str]:
    return [name for name in signal_names() if name not in VITALS and name != "EtCO2"]


@dataclass(frozen=True)
class Timed:
    """What was made and what it took."""

    columns: dict[str, NDArray[np.float32]]
    wall_s: float
    cpu_s: float


def timed(work: Any) -> Timed:
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    columns = work()
    return Timed(columns, time.perf_counter() - wall, time.process_time() - cpu)


def recipe() -> Recipe:
    """Only its plan matters."""
    return Recipe(**{**load("sepsis").__dict__, "plan": plan()})


def by_engine(made_of: Recipe, recording: Recording) -> dict[str, NDArray[np.float32]]:
    rows = fit.feature_rows(made_of, recording, lambda *_: None)
    return {name: rows[:, at] for at, name in enumerate(engine(made_of).feature_names())}


def engine(made_of: Recipe) -> FeatureEngine:
    return made_of.engine()


def wide(recording: Recording) -> pd.DataFrame:
    """Hourly rows by signals, NaN where nothing was measured; checks that hours are consecutive."""
    table = np.full((recording.rows, len(signal_names())), np.nan)
    bounds = recording.row_bounds()
    since = recording.observed_at_us - recording.row_at_us[bounds[recording.patient]]
    table[bounds[recording.patient] + since // HOUR_US, recording.signal] = recording.value
    frame = pd.DataFrame(table, columns=signal_names())
    frame["patient"], frame["hour"] = recording.row_patient, recording.row_at_us // HOUR_US
    steps = frame.groupby("patient")["hour"].diff().dropna()
    if not (steps == 1).all():
        raise DataError("the hours of a patient are not consecutive")
    return frame


def by_pandas(frame: pd.DataFrame) -> dict[str, NDArray[np.float32]]:
    names = [*VITALS, *laboratory()]
    patient, hour = frame["patient"], frame["hour"]
    measured = frame[names].notna()
    last = frame.groupby("patient")[names].ffill()
    at = measured.mul(hour, axis=0).where(measured)
    ages = at.groupby(patient).ffill().rsub(hour, axis=0)
    made: dict[str, Any] = {f"{name}.last": last[name] for name in names}
    made |= {f"{name}.age": ages[name] for name in names}
    for hours in WINDOWS:
        rolling = frame.groupby("patient")[VITALS].rolling(hours, min_periods=1)
        found = {stat: getattr(rolling, stat)() for stat in [*SPREAD, "first", "last"]}
        for name in VITALS:
            made |= {f"{name}.{stat}.{hours}h": found[stat][name] for stat in SPREAD}
            made[f"{name}.delta.{hours}h"] = found["last"][name] - found["first"][name]
    made |= slopes(frame, 6)
    counts = measured[laboratory()].astype(np.float64).groupby(patient).rolling(24, min_periods=1).sum()
    made |= {f"{name}.count.24h": counts[name] for name in laboratory()}
    rolling = frame.groupby("patient")[COURSES].rolling(24, min_periods=1)
    first, newest = rolling.first(), rolling.last()
    made |= {f"{name}.delta.24h": newest[name] - first[name] for name in COURSES}
    made |= derived(last)
    return {name: np.asarray(column, dtype=np.float32) for name, column in made.items()}


def slopes(frame: pd.DataFrame, hours: int) -> dict[str, Any]:
    """Least squares over the measured hours of a window, from five rolling sums."""
    x, patient = frame[VITALS], frame["patient"]
    present = x.notna().astype(np.float64)
    t = present.mul(frame["hour"], axis=0)
    filled = x.fillna(0.0)

    def total(of: pd.DataFrame) -> pd.DataFrame:
        return of.groupby(patient).rolling(hours, min_periods=1).sum()

    n, sx, st, stt, sxt = total(present), total(filled), total(t), total(t * t), total(filled * t)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = ((n * sxt - sx * st) / (n * stt - st * st)).where(n >= 2)
    return {f"{name}.slope.{hours}h": slope[name] for name in VITALS}


def derived(last: pd.DataFrame) -> dict[str, Any]:
    made: dict[str, Any] = {
        "shock_index": last["HR"] / last["SBP"].where(last["SBP"] != 0),
        "pulse_pressure": last["SBP"] - last["DBP"],
        "bun_creatinine": last["BUN"] / last["Creatinine"].where(last["Creatinine"] != 0),
        "spo2_fio2": last["O2Sat"] / last["FiO2"].where(last["FiO2"] != 0),
    }

    def whole(name: str) -> Any:
        return np.floor(last[name] + 0.5)

    def points(value: Any, edges: list[float], given: list[int]) -> Any:
        return np.select([np.isnan(value), *(value <= edge for edge in edges)], [np.nan, *given[:-1]], given[-1])

    def total(*items: Any) -> Any:
        table = np.column_stack(items)
        return np.where(np.isnan(table).all(axis=1), np.nan, np.nansum(table, axis=1))

    resp, spo2, sbp, hr = whole("Resp"), whole("O2Sat"), whole("SBP"), whole("HR")
    temp, oxygen = np.floor(last["Temp"] * 10 + 0.5), last["FiO2"]
    made["news2_points"] = total(
        points(resp, [8, 11, 20, 24], [3, 1, 0, 2, 3]),
        points(spo2, [91, 93, 95], [3, 2, 1, 0]),
        np.where(np.isnan(oxygen), np.nan, 2.0 * (oxygen > 0.21 + 1e-9)),
        points(sbp, [90, 100, 110, 219], [3, 2, 1, 0, 3]),
        points(hr, [40, 50, 90, 110, 130], [3, 1, 0, 1, 2, 3]),
        points(temp, [350, 360, 380, 390], [3, 1, 0, 1, 2]),
    )
    rate = np.where(np.isnan(resp), np.nan, 1.0 * (resp > 20))
    made["sirs_points"] = total(
        np.where(np.isnan(temp), np.nan, 1.0 * ((temp > 380) | (temp < 360))),
        np.where(np.isnan(hr), np.nan, 1.0 * (hr > 90)),
        np.where(last["PaCO2"] < 32, 1.0, rate),
        np.where(np.isnan(last["WBC"]), np.nan, 1.0 * ((last["WBC"] > 12) | (last["WBC"] < 4))),
    )
    made["qsofa_points"] = total(
        np.where(np.isnan(resp), np.nan, 1.0 * (resp >= 22)), np.where(np.isnan(sbp), np.nan, 1.0 * (sbp <= 100))
    )
    return made


def compare(ours: dict[str, NDArray[np.float32]], theirs: dict[str, NDArray[np.float32]]) -> tuple[float, list[str]]:
    """The largest difference, relative to the value or to 1, and the columns that differ by more than the tolerance."""
    worst, bad = 0.0, []
    for name, mine in ours.items():
        other = theirs[name]
        gone = np.isnan(mine) != np.isnan(other)
        apart = np.abs(mine.astype(np.float64) - other) / np.maximum(1.0, np.abs(mine))
        most = float(np.nanmax(apart, initial=0.0))
        worst = max(worst, most)
        if gone.any() or most > TOLERANCE:
            bad.append(f"{name}: {int(gone.sum())} rows missing on one side only, others apart by up to {most:.2g}")
    return worst, bad


def main() -> int:
    """Prints the comparison; 1 where a promise is missed."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", type=Path, default=DATA)
    arguments.add_argument("--patients", type=int)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    made_of = recipe()
    try:
        recording = read(given.data, given.patients)
        sample = read(given.data, min(TRIAL_PATIENTS, recording.patients))
    except DataError as error:
        print(f"features: not measured, {error}")
        return 0
    ours = timed(lambda: by_engine(made_of, recording))
    frame = wide(sample)
    theirs = timed(lambda: by_pandas(frame))
    if theirs.wall_s * recording.rows / sample.rows < PEER_S_MAX and sample.rows < recording.rows:
        sample = recording
        frame = wide(sample)
        theirs = timed(lambda: by_pandas(frame))
    mine = ours.columns if sample is recording else by_engine(made_of, sample)
    worst, bad = compare(mine, theirs.columns)
    scale = recording.rows / sample.rows
    ratio = theirs.cpu_s * scale / ours.cpu_s
    found = {
        "rows": recording.rows,
        "patients": recording.patients,
        "features": len(ours.columns),
        "engine_s": ours.wall_s,
        "engine_cpu_s": ours.cpu_s,
        "pandas": pd.__version__,
        "pandas_rows": sample.rows,
        "pandas_cpu_s": theirs.cpu_s,
        "ratio": ratio,
        "largest_difference": worst,
    }
    if given.json:
        print(json.dumps(found))
    else:
        part = (
            "all rows" if sample is recording else f"{sample.patients:,} patients, scaled by rows from {sample.rows:,}"
        )
        print(f"features: {recording.rows:,} rows of {recording.patients:,} patients x {len(ours.columns)}, one core")
        print(f"  engine  {ours.cpu_s:8.2f} s CPU, {ours.wall_s:.2f} s by the clock (promised: {ENGINE_S_MAX:.0f} s)")
        print(f"  pandas {pd.__version__} {theirs.cpu_s * scale:8.1f} s CPU ({part}; numpy {np.__version__})")
        print(f"  ratio {ratio:.1f} (promised: {RATIO_MIN:.0f}); values equal within {worst:.1e}")
    for line in bad:
        print(f"  DIFFERENT {line}")
    return int(bool(bad) or ours.cpu_s > ENGINE_S_MAX or ratio < RATIO_MIN)


if __name__ == "__main__":
    sys.exit(main())
