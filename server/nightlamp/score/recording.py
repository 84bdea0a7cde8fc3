"""The one shape in which recorded data enters training: observations, ADT messages, rows to be made."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

HOUR_US = 3_600_000_000


class DataError(Exception):
    """The data is not where or not what it should be."""


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
