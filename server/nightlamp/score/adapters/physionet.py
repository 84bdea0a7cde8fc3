"""PhysioNet/CinC Challenge 2019: hourly ICU records as `setA.parquet` and `setB.parquet`, or as the published PSV
files.

A row of the files is an hour of the ICU stay. It becomes one event per measured value at admission + ICULOS hours, and
one feature row at that time. ICU admission is time 0, an ADT A01: the files carry no dates. Age, sex, service (Unit1 is
a medical, Unit2 a surgical ICU: PV1-10 MED, SUR) and the hospital admission (HospAdmTime hours after, so mostly before
it: PV1-44) are told by that message and by nothing else.

What the files say otherwise than one would think (Reyna et al., Crit Care Med 2020;48:210, and the files themselves):
FiO2 is a fraction with junk from -50 to 4000: .21 to 1 is kept, 21 to 100 is per cent, the rest is dropped. Calcium
below 2 in hospital B is ionised calcium, another analyte: below the catalogue's plausible range of total calcium.
Lactate is mmol/L and magnesium mg/dL, whatever the challenge's dictionary says. Every value goes through the decode
stage in the unit of `UNITS`; what it refuses is missing and counted.
"""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nightlamp._core import Decoder, catalogue
from nightlamp.score.adt_text import Stay, adt, birth_date
from nightlamp.score.decoded import understand
from nightlamp.score.recording import HOUR_US, DataError, Recording

#: Challenge columns that are catalogue signals, by the same names: numbers 0 to 33.
SIGNALS = 34
NAME = "PhysioNet/CinC Challenge 2019, hospitals A and B, CC BY 4.0, doi 10.13026/v64v-d857"
_HELD = ["patient_id", "Age", "Gender", "HospAdmTime", "Unit1", "Unit2", "ICULOS", "SepsisLabel"]

#: The unit of each of these columns: the challenge's data dictionary, but for FiO2, lactate and magnesium (see above).
UNITS = {
    **dict.fromkeys(("HR",), "beats/min"),
    **dict.fromkeys(("O2Sat", "SaO2", "Hct"), "%"),
    "Temp": "degC",
    **dict.fromkeys(("SBP", "MAP", "DBP", "EtCO2", "PaCO2"), "mm Hg"),
    "Resp": "breaths/min",
    **dict.fromkeys(("BaseExcess", "HCO3", "Chloride", "Potassium", "Lactate"), "mmol/L"),
    "FiO2": "1",
    "pH": "",
    **dict.fromkeys(("AST", "Alkalinephos"), "IU/L"),
    **dict.fromkeys(("BUN", "Calcium", "Creatinine", "Bilirubin_direct", "Glucose", "Magnesium"), "mg/dL"),
    **dict.fromkeys(("Phosphate", "Bilirubin_total", "Fibrinogen"), "mg/dL"),
    "TroponinI": "ng/mL",
    "Hgb": "g/dL",
    "PTT": "seconds",
    **dict.fromkeys(("WBC", "Platelets"), "10*3/uL"),
}


def read(path: Path, patients: int | None = None) -> Recording:
    """Reads a folder; `patients` takes only so many, evenly from each hospital. Raises DataError."""
    return recording(*table(path, patients))


def table(path: Path, patients: int | None = None) -> tuple[pl.DataFrame, str]:
    """The files as one table by hospital, patient, hour, and what they are. Raises DataError."""
    frame, files = _parquet(path)
    if not files:
        frame, files = _psv(path)
    if not files:
        raise DataError(
            f"{path} holds neither setA.parquet and setB.parquet nor p*.psv files of the PhysioNet/CinC "
            "Challenge 2019; "
            "download the training sets from PhysioNet (challenge-2019, open access), name their folder"
        )
    frame = frame.sort("site", "patient_id", "ICULOS")
    if patients is not None:
        frame = _sample(frame, patients)
    return frame, f"{NAME}; {_fingerprint(files)}"


def _parquet(path: Path) -> tuple[pl.DataFrame, list[Path]]:
    files = sorted(path.glob("set[AB].parquet"))
    frames = [_columns(pl.read_parquet(file)).with_columns(pl.lit(file.stem[-1]).alias("site")) for file in files]
    return (pl.concat(frames) if frames else pl.DataFrame()), files


def _psv(path: Path) -> tuple[pl.DataFrame, list[Path]]:
    files = sorted(path.rglob("p[0-9]*.psv"))
    frames = []
    for file in files:
        frame = pl.read_csv(file, separator="|", null_values=["NaN"], infer_schema=False)
        site = "B" if file.stem.startswith("p1") else "A"
        frame = frame.with_columns(pl.lit(file.stem).alias("patient_id"))
        frames.append(_columns(frame).with_columns(pl.lit(site).alias("site")))
    return (pl.concat(frames) if frames else pl.DataFrame()), files


def _columns(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns needed, as text and float64; a column that is absent is an error."""
    names = signal_names()
    missing = [name for name in [*_HELD, *names] if name not in frame.columns]
    if missing:
        raise DataError(f"the data has no column {', '.join(missing)}")
    numbers = [pl.col(name).cast(pl.Float64) for name in [*_HELD[1:], *names]]
    return frame.select(pl.col("patient_id").cast(pl.String), *numbers)


def _fingerprint(files: list[Path]) -> str:
    """One SHA-256 over the names and contents of the files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return f"{len(files)} files, sha256 {digest.hexdigest()}"


def _sample(frame: pl.DataFrame, patients: int) -> pl.DataFrame:
    """The first patients of each hospital, half from each."""
    ids = frame.select("site", "patient_id").unique(maintain_order=True)
    chosen = ids.group_by("site", maintain_order=True).head(max(1, patients // ids["site"].n_unique()))
    return frame.join(chosen, on=["site", "patient_id"], how="semi", maintain_order="left")


def signal_names() -> list[str]:
    """The challenge's measured variables in the order of its files."""
    return [str(row["name"]) for row in catalogue()[:SIGNALS]]


def fraction(fio2: NDArray[np.float64]) -> NDArray[np.float64]:
    """The FiO2 column as a fraction: what can only be per cent is divided by 100, junk stays junk."""
    return np.where((fio2 >= 21.0) & (fio2 <= 100.0), fio2 / 100.0, fio2)


def starts(frame: pl.DataFrame) -> pl.Series:
    """True on the first row of each patient."""
    return (frame["patient_id"] != frame["patient_id"].shift(1)).fill_null(True)


def admissions(firsts: pl.DataFrame, at_us: int = 0) -> list[bytes]:
    """The A01 of each patient, from the first row of each: into the intensive care unit at time 0, told as `at_us`."""
    columns = ("patient_id", "Age", "Gender", "HospAdmTime", "Unit1", "Unit2")
    return [
        adt(
            "A01",
            Stay(
                patient=patient,
                birth_date=birth_date(float("nan") if age is None else age, at_us),
                sex="" if gender is None or gender != gender else "M" if gender == 1 else "F",
                unit="ICU",
                bed=str(bed),
                admitted_us=None if hours is None or hours != hours else at_us + round(hours * 3600) * 1_000_000,
                service="MED" if medical == 1 else "SUR" if surgical == 1 else "",
            ),
            at_us,
        )
        for bed, (patient, age, gender, hours, medical, surgical) in enumerate(firsts.select(columns).iter_rows(), 1)
    ]


def recording(frame: pl.DataFrame, source: str) -> Recording:
    """The table through decode, with an admission a patient."""
    names = signal_names()
    written = frame.select(names).fill_null(float("nan")).to_numpy(order="c")
    at = names.index("FiO2")
    written[:, at] = fraction(written[:, at])
    of_row, of_signal = np.nonzero(~np.isnan(written))
    codes = of_signal.astype(np.uint32)
    understood = understand(
        Decoder("{}"),
        [("nightlamp", name) for name in names],
        [UNITS[name] for name in names],
        codes,
        codes,
        written[of_row, of_signal],
    )
    kept = understood.kept
    of_row = of_row[kept]
    first = starts(frame)
    row_patient = np.cumsum(first.to_numpy(), dtype=np.int64) - 1
    row_at_us = np.rint(frame["ICULOS"].to_numpy()).astype(np.int64) * HOUR_US
    firsts = frame.filter(first)
    return Recording(
        patient=row_patient[of_row],
        signal=understood.signal[kept],
        observed_at_us=row_at_us[of_row],
        value=understood.value[kept],
        row_patient=row_patient,
        row_at_us=row_at_us,
        label=frame["SepsisLabel"].to_numpy().astype(np.int8),
        encounter_patient=np.arange(firsts.height, dtype=np.int64),
        encounters=admissions(firsts),
        patient_id=firsts["patient_id"].to_list(),
        site=firsts["site"].to_numpy().astype(np.str_),
        source=source,
        dropped={names[row.code]: row.rows for row in sorted(understood.dropped, key=lambda row: row.code)},
    )
