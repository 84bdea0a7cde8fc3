"""Policies on the patients of the PhysioNet/CinC Challenge 2019, whose outcome is known: sepsis, or none.

Each patient is admitted to a bed of the unit `ICU` at time 0 and discharged with the last hour of the file; what the
files say of an hour is one message of that hour. The outcome is the onset of sepsis: six hours after the label of the
files begins (Reyna et al., Crit Care Med 2020;48:210). An alert is right from 12 hours before to 3 hours after it, as
in the budgets of the model's card (score/budget.py).

The shipped sepsis model was trained on these patients: its alerts are better here than on others.
"""

import os
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nightlamp._core import Course, simulate_recordings
from nightlamp.score.adapters import physionet
from nightlamp.score.adt_text import AUTHORITY, Left, Stay, adt
from nightlamp.score.budget import EARLY_H, LATE_H
from nightlamp.score.recording import HOUR_US, DataError, Recording

from .course import Report, reported
from .outcomes import Onsets
from .result import Tried, result
from .simulated import read_recordings
from .trial import trial

#: How much earlier than onset the label of the files begins.
LABEL_LEAD_H = 6
#: Time 0 of every stay: a midnight.
START_US = 1_577_836_800_000_000
#: Longest a simulation may take.
SECONDS_MAX = 3_600.0


def simulate(
    folder: Path,
    policies: tuple[str, str],
    bundles: dict[str, Path],
    report: Report,
    *,
    hospital: str | None = None,
    patients: int | None = None,
    tolerance_s: float,
) -> dict[str, Any]:
    """The current policy and a candidate, on so many patients, of one hospital or both; see `result`.

    `bundles`: where each model is, by name; those are loaded that a rule names. Raises DataError for the files,
    CoreError or ValueError for a policy.
    """
    began = time.monotonic()
    report("reading the data", 0, 1)
    frame, source = physionet.table(folder, None if hospital else patients)
    if hospital is not None:
        frame = _first(frame.filter(pl.col("site") == hospital), patients)
    if frame.height == 0:
        raise DataError(f"{folder} holds no patient of hospital {hospital}")
    recording = physionet.recording(frame, source)
    admissions, discharges = messages(frame, recording)
    report("reading the data", 1, 1)
    course = Course()
    with reported(course, "patients", report):
        told = simulate_recordings(
            trial(policies, time_s_max=SECONDS_MAX),
            course,
            bundles=[bundles[name] for name in sorted(named(policies) & bundles.keys())],
            patient=recording.patient.data,
            signal=recording.signal.data,
            at_us=(recording.observed_at_us + START_US).data,
            value=recording.value.data,
            authority=AUTHORITY,
            identifiers=recording.patient_id,
            admissions=admissions,
            discharges=discharges,
            threads=os.cpu_count() or 1,
        )
    simulated, ids = read_recordings(told)
    outcomes = Onsets(onsets(recording, ids), EARLY_H, LATE_H, "onset of sepsis")
    where = f"hospital {hospital}" if hospital else "hospitals A and B"
    tried = Tried(*policies, kind="physionet", data=f"{source}; {where}", tolerance_s=tolerance_s)
    return result(tried, simulated, outcomes, time.monotonic() - began)


def messages(frame: pl.DataFrame, recording: Recording) -> tuple[list[bytes], list[bytes]]:
    """The admission and the discharge of each patient."""
    admissions = physionet.admissions(frame.filter(physionet.starts(frame)), START_US)
    last_us = recording.row_at_us[recording.row_bounds()[1:] - 1] + START_US
    discharges = [
        adt("A03", Stay(patient=patient, unit="ICU", bed=str(bed)), at_us, Left(discharged_us=at_us))
        for bed, (patient, at_us) in enumerate(zip(recording.patient_id, last_us.tolist(), strict=True), 1)
    ]
    return admissions, discharges


def onsets(recording: Recording, ids: Sequence[str]) -> dict[str, int]:
    """When sepsis began, by pseudonym, of those who had it."""
    positive: NDArray[np.int64] = np.flatnonzero(recording.label == 1)
    whose, first = np.unique(recording.row_patient[positive], return_index=True)
    at_us = recording.row_at_us[positive[first]] + LABEL_LEAD_H * HOUR_US + START_US
    return {ids[patient]: int(onset) for patient, onset in zip(whose.tolist(), at_us.tolist(), strict=True)}


def named(policies: Sequence[str]) -> set[str]:
    """The scores that rules of these policies name, wherever in a rule. A text that is no TOML names none."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(score := value.get("score"), str):
                found.add(score)
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    for text in policies:
        try:
            look(tomllib.loads(text).get("rule", []))
        except tomllib.TOMLDecodeError:
            continue  # the engine says where
    return found


def _first(frame: pl.DataFrame, patients: int | None) -> pl.DataFrame:
    if patients is None:
        return frame
    chosen = frame.select("patient_id").unique(maintain_order=True).head(patients)
    return frame.join(chosen, on="patient_id", how="semi", maintain_order="left")
