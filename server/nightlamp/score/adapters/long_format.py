"""Long format: one value a line, as CSV or Parquet, with files of patients and outcomes beside it.

`path` is a folder with `observations`, or the observations themselves; `patients`, `outcomes` (each .csv or .parquet)
and `data.toml` stand in the same folder. docs/models.md describes every column.

| file | columns |
|---|---|
| observations | patient, time, code, value, unit; may have system, known, label |
| patients (may be absent) | patient; may have what `people` reads |
| outcomes | patient, time; may have end |
| data.toml (may be absent) | see `site` |

Times are as in `table`. A value that decode would refuse is missing and counted by reason; what is wrong with a file
itself refuses it. `known` is when a value became known: it enters the state then, as in service. Rows are the whole
hours from a stay's first value to its discharge, or else to its last value; with a column `label` (0, 1, -1: not asked)
they are the times that have one, and `outcomes` is not read.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nightlamp._core import Decoder
from nightlamp.score import table
from nightlamp.score.decoded import NO_WORD, Understood, by_reason, understand
from nightlamp.score.hours import hourly
from nightlamp.score.people import groups, people
from nightlamp.score.recording import FOR_EVER, HOUR_US, DataError, Outcomes, Recording
from nightlamp.score.site import Site
from nightlamp.score.table import NO_TIME, Table

NAME = "Recorded data in long format"
NEVER = np.iinfo(np.int64).max // 2


def read(path: Path, patients: int | None = None) -> Recording:
    """The recorded data; `patients` takes only the first so many. Raises DataError."""
    site = Site.read(path if path.is_dir() else path.parent)
    file = table.find(path, "observations") if path.is_dir() else path if path.is_file() else None
    if file is None:
        raise DataError(f"{path} holds no observations.csv or observations.parquet (docs/models.md has the columns)")
    beside = {name: found for name in ("patients", "outcomes") if (found := site.table(name)) is not None}
    source = f"{site.name or NAME}; {_hashes([file, *(found.path for found in beside.values())])}"
    return _recording(site.decoder(), table.read(file, site.timezone), beside, source, patients)


def _hashes(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            digest.update(f"{file.name} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return f"{len(files)} files, sha256 {digest.hexdigest()}"


@dataclass(frozen=True)
class Observed:
    """The observations file: patients by number in the order of their names."""

    ids: list[str]
    patient: NDArray[np.int64]
    observed_us: NDArray[np.int64]
    known_us: NDArray[np.int64]
    """As observed where the file does not say."""
    values: Understood


def observed(decoder: Decoder, file: Table) -> Observed:
    """Reads and decodes. Raises DataError."""
    file.check(["patient", "code", "value", "unit"], ["system", "label"], ["time", "known"])
    who = file.text("patient", required=True)
    ids = who.unique().sort()
    observed_us, known_us = file.times("time"), file.times("known")
    file.refuse(observed_us == NO_TIME, "time", "a time is missing")
    known_us = np.where(known_us == NO_TIME, observed_us, known_us)
    file.refuse(known_us < observed_us, "known", "known before it was observed")
    return Observed(ids.to_list(), places(who, ids), observed_us, known_us, values(decoder, file))


def values(decoder: Decoder, file: Table) -> Understood:
    """Code, value and unit of each row, as decode understands them."""
    pairs = pl.DataFrame({"system": file.text("system"), "code": file.text("code", required=True)})
    codes = pairs.unique(maintain_order=True)
    joined = pairs.join(codes.with_row_index("place"), on=["system", "code"], how="left", maintain_order="left")
    spelled, written = file.text("unit"), file.text("value")
    units = spelled.unique().sort()
    numbers = written.cast(pl.Float64, strict=False)
    is_word = numbers.is_null() & (written != "")
    words = written.filter(is_word).unique().sort()
    word_of_row = None
    if len(words):
        word_of_row = np.full(len(written), NO_WORD, dtype=np.uint32)
        word_of_row[is_word.to_numpy()] = places(written.filter(is_word), words)
    return understand(
        decoder,
        [(system, code) for system, code in codes.iter_rows()],
        units.to_list(),
        joined["place"].to_numpy().astype(np.uint32),
        places(spelled, units).astype(np.uint32),
        numbers.fill_null(float("nan")).to_numpy(),
        words.to_list(),
        word_of_row,
    )


def places(of: pl.Series, among: pl.Series) -> NDArray[np.int64]:
    """Where each text stands in a list that has all of them, -1 for one it has not."""
    places = pl.DataFrame({"text": among}).with_row_index("place")
    found = pl.DataFrame({"text": of}).join(places, on="text", how="left", maintain_order="left")["place"]
    return found.cast(pl.Int64).fill_null(-1).to_numpy()


def _recording(decoder: Decoder, file: Table, beside: dict[str, Table], source: str, patients: int | None) -> Recording:
    seen = observed(decoder, file)
    ids, patient = seen.ids, seen.patient
    persons = people(beside.get("patients"), ids)
    site = np.array([person.site for person in persons])
    first_us, last_us = np.full(len(ids), NEVER), np.full(len(ids), -NEVER)
    np.minimum.at(first_us, patient, seen.known_us)
    np.maximum.at(last_us, patient, seen.known_us)
    told = [
        (number, at_us, message)
        for number, person in enumerate(persons)
        for at_us, message in sorted(person.messages(int(first_us[number])))
    ]
    outcomes = None
    if file.has("label"):
        row_patient, row_us, label = labelled(file, patient, seen.known_us)
    else:
        outcomes = _outcomes(beside.get("outcomes"), ids)
        left = np.array([NO_TIME if p.discharged_us is None else p.discharged_us for p in persons], dtype=np.int64)
        until_us = np.where(left == NO_TIME, -(-last_us // HOUR_US) * HOUR_US, left)
        row_patient, row_us = hourly(np.arange(len(ids)), first_us, until_us)
        label = np.zeros(len(row_us), dtype=np.int8)
    kept = np.flatnonzero(seen.values.kept)
    kept = kept[np.lexsort((seen.known_us[kept], patient[kept]))]
    late = bool((seen.known_us != seen.observed_us).any())
    whole = Recording(
        patient=patient[kept],
        signal=seen.values.signal[kept],
        observed_at_us=seen.observed_us[kept],
        value=seen.values.value[kept],
        known_at_us=seen.known_us[kept] if late else None,
        row_patient=row_patient,
        row_at_us=row_us,
        label=label,
        encounter_patient=np.array([number for number, _, _ in told], dtype=np.int64),
        encounters=[message for _, _, message in told],
        patient_id=ids,
        site=site,
        person=groups(persons),
        outcomes=outcomes,
        source=source,
        dropped=by_reason(seen.values.dropped),
    )
    return whole if patients is None else whole.take(np.arange(min(patients, whole.patients)))


def labelled(
    file: Table, patient: NDArray[np.int64], at_us: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
    """Patient, time and label of the rows that column `label` names; lines of one time must agree. Raises DataError."""
    label = file.numbers("label", -1, 1, "expected 1, 0, -1 or nothing")
    file.refuse(~np.isnan(label) & ~np.isin(label, (-1.0, 0.0, 1.0)), "label", "expected 1, 0, -1 or nothing")
    said = np.flatnonzero(~np.isnan(label))
    if not said.size:
        raise DataError(f"{file.path.name}, column label: no line has a label")
    said = said[np.lexsort((at_us[said], patient[said]))]
    same = (np.diff(patient[said]) == 0) & (np.diff(at_us[said]) == 0)
    differs = np.flatnonzero(same & (np.diff(label[said]) != 0))
    if differs.size:
        raise file.refusal(int(said[differs[0] + 1]), "label", "another label stands at the same patient and time")
    rows = said[np.append(True, ~same)]
    return patient[rows], at_us[rows], label[rows].astype(np.int8)


def _outcomes(file: Table | None, ids: list[str]) -> Outcomes:
    """The outcomes file; who has no observation has no rows, and no outcome here."""
    if file is None:
        raise DataError(
            "neither outcomes.csv nor outcomes.parquet stands beside the observations, nor have they a column label"
        )
    file.check(["patient"], [], ["time", "end"])
    who, start_us, end_us = file.text("patient", required=True), file.times("time"), file.times("end")
    file.refuse(start_us == NO_TIME, "time", "a time is missing")
    end_us = np.where(end_us == NO_TIME, FOR_EVER, end_us)
    file.refuse(end_us < start_us, "end", "the outcome ends before it begins")
    patient = places(who, pl.Series(ids, dtype=pl.String))
    known = patient >= 0
    return Outcomes.of(patient[known], start_us[known], end_us[known])
