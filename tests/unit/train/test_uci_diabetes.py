"""The adapter of the diabetes encounters: what it asks, what a row may know, and what it must never know."""

import csv
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nightlamp._core import FeatureEngine, catalogue
from nightlamp.score.adapters.uci_diabetes import _HELD, DRUGS, icd9, read
from nightlamp.score.recipe import load
from nightlamp.score.recording import DataError, Recording

NUMBER = {row["name"]: row["number"] for row in catalogue()}
USUAL = {
    "gender": "Female", "age": "[70-80)", "admission_type_id": "1", "discharge_disposition_id": "3",
    "admission_source_id": "7", "time_in_hospital": "4", "payer_code": "MC", "medical_specialty": "Cardiology",
    "num_lab_procedures": "40", "num_procedures": "1", "num_medications": "12", "number_outpatient": "0",
    "number_emergency": "0", "number_inpatient": "2", "diag_1": "428", "diag_2": "250.01", "diag_3": "8",
    "number_diagnoses": "5", "max_glu_serum": "None", "A1Cresult": ">8", "change": "Ch", "readmitted": "NO",
    **dict.fromkeys(DRUGS, "No"),
}  # fmt: skip


def recorded(folder: Path, rows: list[dict[str, Any]], moment: str = "discharge") -> Recording:
    with (folder / "diabetic_data.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, _HELD)
        writer.writeheader()
        writer.writerows({**USUAL, **row} for row in rows)
    return read(folder, moment=moment)


def stay(number: int, patient: int, **row: Any) -> dict[str, Any]:
    return {"encounter_id": number, "patient_nbr": patient, **row}


def known(recording: Recording, at: int) -> dict[str, float]:
    mine = recording.patient == at
    of = {number: name for name, number in NUMBER.items()}
    return {of[s]: float(v) for s, v in zip(recording.signal[mine], recording.value[mine], strict=True)}


def test_who_died_or_went_to_a_hospice_is_not_asked_and_a_person_is_one_group(tmp_path: Path) -> None:
    ends = ["11", "13", "14", "19", "20", "21", "1"]
    rows = [stay(n, 7, discharge_disposition_id=end) for n, end in enumerate(ends)]
    recording = recorded(tmp_path, [*rows, stay(90, 8, readmitted="<30"), stay(91, 8, readmitted=">30")])
    assert recording.patient_id == ["7", "8", "8"]
    assert recording.group.tolist() == [7, 8, 8]
    assert recording.label.tolist() == [0, 1, 0]


def test_a_row_knows_earlier_encounters_by_what_they_told_and_never_later_ones(tmp_path: Path) -> None:
    rows = [stay(5, 1, readmitted="<30"), stay(3, 1, readmitted=">30"), stay(9, 1, readmitted="NO"), stay(6, 2)]
    recording = recorded(tmp_path, rows)
    told = [[known(recording, at).get(s) for s in ("PriorStays", "PriorReadmissions", "DaysSinceDischarge")]
            for at in range(3)]  # fmt: skip
    assert told == [[0, 0, None], [1, 0, 30.5], [2, 1, 29.5]]
    alone = recorded(tmp_path, [rows[1]])
    assert known(alone, 0) == known(recording, 0)
    refuted = recorded(tmp_path, [stay(3, 1, readmitted="NO"), stay(5, 1, readmitted="<30")])
    assert known(refuted, 1)["PriorStays"] == 0
    assert "DaysSinceDischarge" not in known(refuted, 1)


def test_classes_are_values_whose_middles_are_the_files_bounds(tmp_path: Path) -> None:
    rows = [stay(n, n, A1Cresult=a, max_glu_serum=g) for n, (a, g) in enumerate(
        [("None", "None"), ("Norm", "Norm"), (">7", ">200"), (">8", ">300")])]  # fmt: skip
    recording = recorded(tmp_path, rows)
    hba1c, glucose = ([known(recording, at).get(s) for at in range(4)] for s in ("HbA1c", "Glucose"))
    assert hba1c[0] is glucose[0] is None
    assert [(a + b) / 2 for a, b in pairwise(hba1c[1:])] == [7, 8]
    assert [(a + b) / 2 for a, b in pairwise(glucose[1:])] == [200, 300]
    drugs = recorded(tmp_path, [stay(1, 1, insulin="Up", metformin="Down", glipizide="Steady")])
    courses = [known(drugs, 0)[s] for s in ("InsulinCourse", "MetforminCourse", "DiabetesDrugs", "DiabetesChanges")]
    assert courses == [2, 3, 3, 2]


def test_codes_travel_by_adt_with_their_lost_zeros(tmp_path: Path) -> None:
    assert [icd9(code) for code in ("8", "38", "250.01", "V27", "E888", "")] == [
        "008",
        "038",
        "250.01",
        "V27",
        "E888",
        "",
    ]
    plan = {
        "demographics": ["age_years", "sex_male", "hours_of_stay", "diagnoses_count"],
        "coded": [
            {"field": "discharge_disposition", "categories": ["1", "3"]},
            {"field": "diagnosis_3", "categories": ["icd9:001-139"]},
            {"field": "service", "categories": ["Cardiology"]},
        ],
    }
    recording = recorded(tmp_path, [stay(1, 1), stay(2, 2, medical_specialty="?", gender="Unknown/Invalid")])
    rows = rows_of(json.dumps(plan).encode(), recording)
    nan = float("nan")
    assert rows[0].tolist() == pytest.approx([75, 0, 96, 5, 1, 0, 0], abs=0.02)
    assert rows[1].tolist() == pytest.approx([75, nan, 96, 5, 1, 0, nan], abs=0.02, nan_ok=True)


def rows_of(plan: bytes, recording: Recording) -> np.ndarray:
    engine = FeatureEngine(plan)
    columns = (recording.patient, recording.signal, recording.observed_at_us, recording.value)
    told = (recording.row_patient, recording.row_at_us, recording.encounter_patient)
    made = engine.rows(*(np.ascontiguousarray(column) for column in columns + told), recording.encounters)
    return np.frombuffer(made, dtype=np.float32).reshape(recording.rows, -1)


def test_the_row_of_a_stay_knows_nothing_of_its_end(tmp_path: Path) -> None:
    ends = {"discharge_disposition_id": "1", "diag_1": "250", "number_diagnoses": "9", "num_medications": "40",
            "num_lab_procedures": "1", "num_procedures": "6", "readmitted": "<30"}  # fmt: skip
    one, other = (recorded(tmp_path, [stay(1, 1, **change)], "stay") for change in ({}, ends))
    assert one.encounters == other.encounters
    assert known(one, 0) == known(other, 0)
    assert (one.label[0], other.label[0]) == (0, 1)
    assert not any(re.search(rb"\bA03\b|DG1", message) for message in one.encounters)


def test_no_feature_names_a_person_an_encounter_or_race() -> None:
    for name in ("readmission", "readmission-stay"):
        features = load(name).engine().feature_names()
        assert not [one for one in features if re.search(r"\b(patient|encounter|visit|race|weight)", one)], name
    late = {"hours_of_stay", "diagnoses_count", "discharge_disposition", "LabTests.last", "Medications.last"}
    assert late <= set(load("readmission").engine().feature_names())
    assert not late & set(load("readmission-stay").engine().feature_names())


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"diabetic_data\.csv"):
        read(tmp_path)
    (tmp_path / "diabetic_data.csv").write_text("encounter_id,patient_nbr\n1,2\n")
    with pytest.raises(DataError, match="no column gender"):
        read(tmp_path)
    with pytest.raises(DataError, match="moment"):
        read(tmp_path, moment="later")
