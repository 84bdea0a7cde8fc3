"""The PhysioNet/CinC Challenge 2019 as a hospital would have sent it: one admission a patient, the values of each hour.

Units are those of the files (Reyna et al. 2020), but for FiO2: a fraction, or per cent where it stands between 21 and
100. What is neither (-50, 4000) is sent as the fraction it claims to be, and refused.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nightlamp._core import catalogue
from nightlamp.parity.readings import Code, Readings
from nightlamp.score.adapters import physionet
from nightlamp.score.recording import HOUR_US, Recording

DAY_US = 24 * HOUR_US


@dataclass(frozen=True)
class Challenge:
    """What is sent, and the same for the offline path. All times from time 0 but those of the admissions."""

    recording: Recording
    readings: Readings
    admissions: list[bytes]
    """ADT A01 of each patient, at `start_us`."""
    start_us: int


def read(path: Path, patients: int | None, today_us: int) -> Challenge:
    """The files of a folder, as `physionet.read`. Raises DataError.

    Time 0 is sent as a midnight so long before `today_us`, also one, that every stay has ended by then.
    """
    frame, source = physionet.table(path, patients)
    recording = physionet.recording(frame, source)
    firsts = frame.filter(physionet.starts(frame))
    start_us = today_us - (int(recording.row_at_us.max()) // DAY_US + 2) * DAY_US
    return Challenge(
        recording, readings(frame, recording.row_patient), physionet.admissions(firsts, start_us), start_us
    )


def readings(frame: pl.DataFrame, row_patient: NDArray[np.int64]) -> Readings:
    """Every value that stands in the files, whatever it is."""
    codes: list[Code] = []
    values, code_of = np.empty((frame.height, physionet.SIGNALS)), np.empty((frame.height, physionet.SIGNALS), np.int64)
    for at, row in enumerate(catalogue()[: physionet.SIGNALS]):
        values[:, at] = frame[row["name"]].fill_null(float("nan")).to_numpy()
        code_of[:, at] = len(codes)
        codes.append(Code(row["loinc"][0], row["name"], physionet.UNITS[row["name"]]))
        if row["name"] == "FiO2":
            code_of[(values[:, at] >= 21.0) & (values[:, at] <= 100.0), at] = len(codes)
            codes.append(Code(row["loinc"][0], row["name"], "%"))
    of_row, of_column = np.nonzero(~np.isnan(values))
    hour_us = np.rint(frame["ICULOS"].to_numpy()).astype(np.int64) * HOUR_US
    return Readings(row_patient[of_row], hour_us[of_row], code_of[of_row, of_column], values[of_row, of_column], codes)
