"""A small recording made up from a seed: hourly stays, some end in sepsis with rising heart rate."""

import numpy as np

from nightlamp._core import catalogue
from nightlamp.score.adt_text import Stay, adt, birth_date
from nightlamp.score.recording import HOUR_US, Recording

NUMBER = {row["name"]: int(row["number"]) for row in catalogue()}
USUAL = {"HR": (85, 12), "O2Sat": (97, 2), "Temp": (37, 0.5), "SBP": (120, 15), "Resp": (18, 4), "Lactate": (1.6, 0.6)}
RISE = {"HR": 25.0, "SBP": -20.0, "Resp": 6.0, "Lactate": 2.5}


def recording(patients: int, seed: int) -> Recording:
    """Stays of 10 to 40 hours; a fifth of the patients is septic; two hospitals."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(10, 40, size=patients)
    row_patient = np.repeat(np.arange(patients), lengths)
    hour = np.concatenate([np.arange(1, n + 1) for n in lengths])
    onset = np.where(draw.random(patients) < 0.2, draw.integers(4, lengths), 10_000)
    label = (hour >= onset[row_patient]).astype(np.int8)
    measured = np.zeros((len(hour), 34), dtype=np.bool_)
    values = np.zeros((len(hour), 34))
    for name, (centre, spread) in USUAL.items():
        at = NUMBER[name]
        values[:, at] = draw.normal(centre, spread, size=len(hour)) + label * RISE.get(name, 0.0)
        measured[:, at] = draw.random(len(hour)) < (0.15 if name == "Lactate" else 0.85)
    of_row, of_signal = np.nonzero(measured)
    return Recording(
        patient=row_patient[of_row],
        signal=of_signal.astype(np.uint16),
        observed_at_us=hour[of_row] * HOUR_US,
        value=values[measured],
        row_patient=row_patient,
        row_at_us=hour * HOUR_US,
        label=label,
        encounter_patient=np.arange(patients),
        encounters=[
            adt(
                "A01", Stay(f"made-up-{n}", birth_date(draw.uniform(20, 90), 0), draw.choice(["M", "F"]), unit="ICU"), 0
            )
            for n in range(patients)
        ],
        patient_id=[f"made-up-{n}" for n in range(patients)],
        site=np.where(np.arange(patients) % 2 == 0, "A", "B"),
        source="made up",
        dropped={},
    )
