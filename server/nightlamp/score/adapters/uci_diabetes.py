"""UCI "Diabetes 130-US hospitals 1999-2008": `diabetic_data.csv` or `.csv.gz`; one encounter is one stay with one row.

What is asked is readmission within 30 days. Encounters that ended in death or hospice (discharge disposition 11, 13,
14, 19, 20, 21) are left out: nobody could be readmitted. The files give no dates: every stay begins at time 0 and lasts
`time_in_hospital` days of 24 hours.

| moment | row | what the row may know |
|---|---|---|
| discharge | at the ADT A03 | all of the table below |
| stay | an hour before the end, without A03 | neither the A03 nor LabTests, Procedures, Medications |

| column of the file | travels as |
|---|---|
| age (decade), gender | PID-7, born so that the age is the middle of the decade; PID-8. Race and weight are not used |
| admission_type_id, admission_source_id | PV1-4, PV1-14, the file's numbers |
| medical_specialty, payer_code | PV1-10, PV1-20 |
| discharge_disposition_id, time_in_hospital | PV1-36, the file's numbers; PV1-45 |
| diag_1 to 3, number_diagnoses | DG1 of the A03: three ICD-9-CM codes, the others empty |
| number_inpatient, _outpatient, _emergency | PriorInpatient, PriorOutpatient, PriorEmergency, at admission |
| num_lab_procedures, num_procedures, num_medications | LabTests, Procedures, Medications, at discharge |
| A1Cresult (norm, >7, >8) | HbA1c 6.5, 7.5, 8.5 %: the middle between two is the file's bound |
| max_glu_serum (norm, >200, >300) | Glucose 150, 250, 350 mg/dL, likewise |
| insulin, metformin, the other drugs, change | InsulinCourse, MetforminCourse, DiabetesDrugs, DiabetesChanges |
| the patient's earlier encounters in the file | PriorStays, PriorReadmissions, DaysSinceDischarge (29.5, 30.5) |

Earlier encounters: encounter_id follows the calendar, for of encounters that have a successor only 1.4 % say that the
patient never came back. Where the one before says so the order is refuted and nothing is taken from it. Its
`readmitted` (within 30 days, later) is when the patient came back, which is known once the patient is back. No number
of a patient or an encounter is a feature, and nothing of a later encounter.
"""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nightlamp._core import Decoder
from nightlamp.score.adt_text import Left, Stay, adt, birth_date
from nightlamp.score.decoded import understand
from nightlamp.score.recording import HOUR_US, DataError, Recording

NAME = "UCI Diabetes 130-US hospitals for years 1999-2008, CC BY 4.0, doi 10.24432/C5230J"
#: Discharge dispositions of those who died or went to a hospice.
NEVER_BACK = ("11", "13", "14", "19", "20", "21")
DAY_US = 24 * HOUR_US

DRUGS = (
    "metformin", "repaglinide", "nateglinide", "chlorpropamide", "glimepiride", "acetohexamide", "glipizide",
    "glyburide", "tolbutamide", "pioglitazone", "rosiglitazone", "acarbose", "miglitol", "troglitazone",
    "tolazamide", "examide", "citoglipton", "insulin", "glyburide-metformin", "glipizide-metformin",
    "glimepiride-pioglitazone", "metformin-rosiglitazone", "metformin-pioglitazone",
)  # fmt: skip
COURSE = {"No": 0.0, "Steady": 1.0, "Up": 2.0, "Down": 3.0}
#: Signal, unit, and whether the value is of the whole stay, known only at its end.
SIGNALS = {
    "PriorInpatient": ("1", False),
    "PriorOutpatient": ("1", False),
    "PriorEmergency": ("1", False),
    "PriorStays": ("1", False),
    "PriorReadmissions": ("1", False),
    "DaysSinceDischarge": ("d", False),
    "HbA1c": ("%", False),
    "Glucose": ("mg/dL", False),
    "InsulinCourse": ("1", False),
    "MetforminCourse": ("1", False),
    "DiabetesDrugs": ("1", False),
    "DiabetesChanges": ("1", False),
    "LabTests": ("1", True),
    "Procedures": ("1", True),
    "Medications": ("1", True),
}
_HELD = (
    "encounter_id", "patient_nbr", "gender", "age", "admission_type_id", "discharge_disposition_id",
    "admission_source_id", "time_in_hospital", "payer_code", "medical_specialty", "num_lab_procedures",
    "num_procedures", "num_medications", "number_outpatient", "number_emergency", "number_inpatient", "diag_1",
    "diag_2", "diag_3", "number_diagnoses", "max_glu_serum", "A1Cresult", "change", "readmitted", *DRUGS,
)  # fmt: skip


def read(path: Path, patients: int | None = None, moment: str = "discharge") -> Recording:
    """Reads a file or its folder; `patients` takes the encounters of only so many people. Raises DataError."""
    if moment not in ("discharge", "stay"):
        raise DataError(f"moment is {moment!r}, not discharge or stay")
    file = _file(path)
    frame = pl.read_csv(file, infer_schema=False)
    if missing := [name for name in _HELD if name not in frame.columns]:
        raise DataError(f"{file.name} has no column {', '.join(missing)}")
    if patients is not None:
        frame = frame.filter(pl.col("patient_nbr").is_in(frame["patient_nbr"].unique(maintain_order=True)[:patients]))
    frame = known(frame)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return _recording(frame, f"{NAME}; {file.name}, sha256 {digest}", moment)


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    for name in ("diabetic_data.csv", "diabetic_data.csv.gz"):
        if (path / name).is_file():
            return path / name
    raise DataError(f"{path} holds neither diabetic_data.csv nor diabetic_data.csv.gz of the UCI data set 296")


def known(frame: pl.DataFrame) -> pl.DataFrame:
    """The encounters that are asked, by patient and number, with what was known of their signals; null is missing."""
    number = {name: pl.col(name).cast(pl.Float64) for name in _HELD if name.startswith(("num_", "number_"))}
    course = [pl.col(name).replace_strict(COURSE, return_dtype=pl.Float64) for name in DRUGS]
    changes = pl.sum_horizontal(drug >= 2 for drug in course)
    frame = frame.with_columns(pl.col("encounter_id", "patient_nbr").cast(pl.Int64)).sort("patient_nbr", "encounter_id")
    before = pl.col("readmitted").shift(1).over("patient_nbr")
    is_after = (before != "NO").fill_null(False)
    back_soon = (pl.col("readmitted") == "<30").cast(pl.Float64).shift(1).fill_null(0).cum_sum().over("patient_nbr")
    frame = frame.with_columns(
        number["number_inpatient"].alias("PriorInpatient"),
        number["number_outpatient"].alias("PriorOutpatient"),
        number["number_emergency"].alias("PriorEmergency"),
        pl.when(is_after).then(pl.int_range(pl.len()).over("patient_nbr")).otherwise(0).alias("PriorStays"),
        pl.when(is_after).then(back_soon).otherwise(0.0).alias("PriorReadmissions"),
        before.replace_strict({"<30": 29.5, ">30": 30.5}, default=None, return_dtype=pl.Float64).alias(
            "DaysSinceDischarge"
        ),
        pl.col("A1Cresult")
        .replace_strict({"Norm": 6.5, ">7": 7.5, ">8": 8.5}, default=None, return_dtype=pl.Float64)
        .alias("HbA1c"),
        pl.col("max_glu_serum")
        .replace_strict({"Norm": 150.0, ">200": 250.0, ">300": 350.0}, default=None, return_dtype=pl.Float64)
        .alias("Glucose"),
        course[DRUGS.index("insulin")].alias("InsulinCourse"),
        course[DRUGS.index("metformin")].alias("MetforminCourse"),
        pl.sum_horizontal(drug >= 1 for drug in course).alias("DiabetesDrugs"),
        pl.max_horizontal(changes, (pl.col("change") == "Ch").cast(pl.UInt32)).alias("DiabetesChanges"),
        number["num_lab_procedures"].alias("LabTests"),
        number["num_procedures"].alias("Procedures"),
        number["num_medications"].alias("Medications"),
        number["number_diagnoses"].cast(pl.Int64).alias("number_diagnoses"),
        (pl.col("time_in_hospital").cast(pl.Int64) * DAY_US).alias("stay_us"),
    )
    return frame.filter(~pl.col("discharge_disposition_id").is_in(NEVER_BACK))


def messages(row: dict[str, object], moment: str) -> list[bytes]:
    """The ADT messages of an encounter: A01 at time 0, and with the moment `discharge` the A03 at its end."""

    def code(name: str) -> str:
        text = str(row[name])
        return "" if text == "?" else text

    decade = int(str(row["age"]).strip("[").split("-")[0])
    stay = Stay(
        patient=str(row["patient_nbr"]),
        birth_date=birth_date(decade + 5.0, 0),
        sex={"Male": "M", "Female": "F"}.get(str(row["gender"]), ""),
        unit="WARD",
        bed=str(row["encounter_id"]),
        visit=str(row["encounter_id"]),
        admitted_us=0,
        admission_type=code("admission_type_id"),
        service=code("medical_specialty"),
        admit_source=code("admission_source_id"),
        financial_class=code("payer_code"),
    )
    told = [adt("A01", stay, 0)]
    if moment == "discharge":
        diagnoses = [icd9(code(f"diag_{n}")) for n in (1, 2, 3)]
        count = int(str(row["number_diagnoses"]))
        end_us = int(str(row["stay_us"]))
        left = Left(end_us, code("discharge_disposition_id"), (diagnoses + [""] * count)[:count], "I9C")
        told.append(adt("A03", stay, end_us, left))
    return told


def icd9(code: str) -> str:
    """An ICD-9-CM code with the leading zeros that the file has lost: 8 is 008."""
    whole, dot, rest = code.partition(".")
    return f"{whole.zfill(3)}{dot}{rest}" if whole.isdigit() else code


def _recording(frame: pl.DataFrame, source: str, moment: str) -> Recording:
    names = [name for name, (_, whole_stay) in SIGNALS.items() if moment == "discharge" or not whole_stay]
    written = frame.select(pl.col(names).cast(pl.Float64)).fill_null(float("nan")).to_numpy(order="c")
    end_us = frame["stay_us"].to_numpy()
    row_at_us = end_us if moment == "discharge" else end_us - HOUR_US
    of_row, of_signal = np.nonzero(~np.isnan(written))
    codes = of_signal.astype(np.uint32)
    units = [SIGNALS[name][0] for name in names]
    values = written[of_row, of_signal]
    understood = understand(Decoder("{}"), [("nightlamp", name) for name in names], units, codes, codes, values)
    kept = understood.kept
    told = [messages(row, moment) for row in frame.iter_rows(named=True)]
    return Recording(
        patient=of_row[kept],
        signal=understood.signal[kept],
        observed_at_us=_observed(row_at_us, [SIGNALS[name][1] for name in names])[of_row, of_signal][kept],
        value=understood.value[kept],
        row_patient=np.arange(frame.height),
        row_at_us=row_at_us,
        label=(frame["readmitted"] == "<30").to_numpy().astype(np.int8),
        encounter_patient=np.repeat(np.arange(frame.height), [len(one) for one in told]),
        encounters=[message for one in told for message in one],
        patient_id=[str(number) for number in frame["patient_nbr"]],
        site=np.full(frame.height, "130 hospitals"),
        source=source,
        dropped={names[row.code]: row.rows for row in sorted(understood.dropped, key=lambda row: row.code)},
        person=frame["patient_nbr"].to_numpy(),
        groups=_groups(frame),
    )


def _groups(frame: pl.DataFrame) -> dict[str, NDArray[np.str_]]:
    """What figures are given by and no feature knows: ethnicity as the hospitals recorded it, where the file has it."""
    if "race" not in frame.columns:
        return {}
    named = frame["race"].fill_null("?").replace({"?": "not recorded", "AfricanAmerican": "African American"})
    return {"ethnicity": named.to_numpy().astype(np.str_)}


def _observed(row_at_us: NDArray[np.int64], whole_stay: list[bool]) -> NDArray[np.int64]:
    """When each signal of each stay was known: the first minute, or the end."""
    return np.where(np.array(whole_stay)[None, :], row_at_us[:, None], HOUR_US // 60)
