"""The one shape in which recorded data enters training: observations, ADT messages, rows to be made."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOUR_US = 3_600_000_000
#: The end of an outcome that has none.
FOR_EVER = np.iinfo(np.int64).max


class DataError(Exception):
    """The data is not where or not what it should be; the text says what was expected and repeats no value."""


@dataclass(frozen=True)
class Outcomes:
    """When the outcome began, sorted by patient, then time; microseconds. After its end a patient may have it again."""

    patient: NDArray[np.int64]
    start_us: NDArray[np.int64]
    end_us: NDArray[np.int64]
    """`FOR_EVER` where it is not over."""

    @staticmethod
    def of(patient: NDArray[np.int64], start_us: NDArray[np.int64], end_us: NDArray[np.int64]) -> "Outcomes":
        """In any order."""
        order = np.lexsort((start_us, patient))
        return Outcomes(patient[order], start_us[order], end_us[order])


@dataclass(frozen=True)
class Recording:
    """Events, rows and encounters, each sorted by patient, then time. Patients are numbered from 0 without a gap.

    Event columns have one length, row columns another, patient columns the number of patients. Times are microseconds.
    """

    patient: NDArray[np.int64]
    signal: NDArray[np.uint16]
    observed_at_us: NDArray[np.int64]
    value: NDArray[np.float64]

    row_patient: NDArray[np.int64]
    row_at_us: NDArray[np.int64]
    label: NDArray[np.int8]

    encounter_patient: NDArray[np.int64]
    encounters: list[bytes]
    """HL7 ADT messages (`adt_text`), one a row of `encounter_patient`, sorted by patient, then when they occurred."""

    patient_id: list[str]
    site: NDArray[np.str_]
    """Where each patient was, one a patient."""

    source: str
    """Which data, for the manifest: name, licence, files with their hashes."""
    dropped: dict[str, int]
    """Values by signal that the catalogue calls implausible and that are therefore missing."""
    person: NDArray[np.int64] | None = None
    """Who each patient number is, where several stand for one person: folds keep them together."""
    groups: dict[str, NDArray[np.str_]] = field(default_factory=dict)
    """Groups that figures are given by and no feature knows (ethnicity), by dimension, one name a patient number."""
    known_at_us: NDArray[np.int64] | None = None
    """When each event became known, where that was later than observed: events are then sorted by it, enter the state
    at it, and a value of NaN withdraws the observation of its time. None: known when observed."""
    told_at_us: NDArray[np.int64] | None = None
    """When each encounter became known, as `known_at_us`. None: when it occurred."""
    outcomes: Outcomes | None = None
    """For labels of kind `outcome`; None where the label is in the data."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_patient)

    @property
    def patients(self) -> int:
        """Number of patients."""
        return len(self.patient_id)

    @property
    def group(self) -> NDArray[np.int64]:
        """One a patient number: those with the same belong to one person."""
        return np.arange(self.patients) if self.person is None else self.person

    def row_bounds(self) -> NDArray[np.int64]:
        """Where each patient's rows begin, and the end: patients + 1 indices."""
        return np.searchsorted(self.row_patient, np.arange(self.patients + 1))

    def encounter_bounds(self) -> NDArray[np.int64]:
        """Where each patient's encounters begin, and the end: patients + 1 indices."""
        return np.searchsorted(self.encounter_patient, np.arange(self.patients + 1))

    def event_bounds(self) -> NDArray[np.int64]:
        """Where each patient's events begin, and the end: patients + 1 indices."""
        return np.searchsorted(self.patient, np.arange(self.patients + 1))

    def take(self, patients: NDArray[np.int64]) -> "Recording":
        """Only these patients (ascending numbers), numbered anew."""
        number = np.full(self.patients, -1, dtype=np.int64)
        number[patients] = np.arange(len(patients))
        of, at, told = (number[column] for column in (self.patient, self.row_patient, self.encounter_patient))
        events, rows, adt = of >= 0, at >= 0, told >= 0
        had = self.outcomes
        outcomes = None
        if had is not None:
            kept = number[had.patient] >= 0
            outcomes = Outcomes(number[had.patient[kept]], had.start_us[kept], had.end_us[kept])
        return replace(
            self,
            patient=of[events],
            signal=self.signal[events],
            observed_at_us=self.observed_at_us[events],
            value=self.value[events],
            known_at_us=None if self.known_at_us is None else self.known_at_us[events],
            row_patient=at[rows],
            row_at_us=self.row_at_us[rows],
            label=self.label[rows],
            encounter_patient=told[adt],
            encounters=[self.encounters[n] for n in np.flatnonzero(adt)],
            told_at_us=None if self.told_at_us is None else self.told_at_us[adt],
            patient_id=[self.patient_id[n] for n in patients],
            site=self.site[patients],
            person=None if self.person is None else self.person[patients],
            groups={name: group[patients] for name, group in self.groups.items()},
            outcomes=outcomes,
        )

    def sha256(self) -> str:
        """What a model learns from, whatever file or table it came from: events, encounters, rows, labels, outcomes."""
        digest = hashlib.sha256()
        known = self.observed_at_us if self.known_at_us is None else self.known_at_us
        columns: list[NDArray[Any]] = [self.patient, self.signal, self.observed_at_us, known, self.value]
        columns += [self.row_patient, self.row_at_us, self.label, self.encounter_patient, self.group]
        if self.outcomes is not None:
            columns += [self.outcomes.patient, self.outcomes.start_us, self.outcomes.end_us]
        for column in columns:
            digest.update(f"{column.dtype.str} {len(column)};".encode())
            digest.update(np.ascontiguousarray(column).data)
        for message in self.encounters:
            digest.update(f"{len(message)};".encode() + message)
        return digest.hexdigest()
