"""Recorded data through the serving engine: the rows that models are fitted on and that labels are made of (P8)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nightlamp._core import FeatureEngine
from nightlamp.score.recording import Recording

#: Called with what is being done, how far it is, and how far it goes.
Report = Callable[[str, int, int], None]
PATIENTS_A_CHUNK = 40


def engine_rows(
    engine: FeatureEngine, recording: Recording, report: Report, what: str = "feature rows by the serving engine"
) -> NDArray[np.float32]:
    """Rows x features as the engine serves them."""
    out = np.empty((recording.rows, len(engine.feature_names())), dtype=np.float32)
    at = 0
    for first in range(0, recording.patients, PATIENTS_A_CHUNK):
        last = min(first + PATIENTS_A_CHUNK, recording.patients)
        made = rows_of(engine, recording, first, last)
        out[at : at + len(made)] = made
        at += len(made)
        report(what, last, recording.patients)
    return out


def rows_of(engine: FeatureEngine, recording: Recording, first: int, last: int) -> NDArray[np.float32]:
    """The same of the patients from `first` to before `last`."""

    def span(patient: NDArray[np.int64]) -> slice:
        begin, end = np.searchsorted(patient, (first, last))
        return slice(begin, end)

    of, at, adt = span(recording.patient), span(recording.row_patient), span(recording.encounter_patient)
    made = engine.rows(
        recording.patient[of].data,
        recording.signal[of].data,
        recording.observed_at_us[of].data,
        recording.value[of].data,
        recording.row_patient[at].data,
        recording.row_at_us[at].data,
        recording.encounter_patient[adt].data,
        recording.encounters[adt],
        known_at_us=None if recording.known_at_us is None else recording.known_at_us[of].data,
        told_at_us=None if recording.told_at_us is None else recording.told_at_us[adt].data,
    )
    return np.frombuffer(made, dtype=np.float32).reshape(-1, len(engine.feature_names()))
