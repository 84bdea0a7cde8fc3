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
    events, rows, told = recording.event_bounds(), recording.row_bounds(), recording.encounter_bounds()
    out = np.empty((recording.rows, len(engine.feature_names())), dtype=np.float32)
    for first in range(0, recording.patients, PATIENTS_A_CHUNK):
        last = min(first + PATIENTS_A_CHUNK, recording.patients)
        of, at = slice(events[first], events[last]), slice(rows[first], rows[last])
        adt = slice(told[first], told[last])
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
        out[at] = np.frombuffer(made, dtype=np.float32).reshape(-1, out.shape[1])
        report(what, last, recording.patients)
    return out
