"""Files as those of the PhysioNet/CinC Challenge 2019, made up from a seed, with the junk of the real ones."""

from pathlib import Path

import numpy as np

from nightlamp.score.adapters.physionet import signal_names

COLUMNS = [*signal_names(), "Age", "Gender", "Unit1", "Unit2", "HospAdmTime", "ICULOS", "SepsisLabel"]
USUAL = {"HR": (88, 14), "O2Sat": (96, 2), "Temp": (37.1, 0.6), "SBP": (118, 18), "MAP": (82, 11), "Resp": (19, 5)}
SELDOM = {"Lactate": (1.8, 0.8), "WBC": (11, 4), "Creatinine": (1.2, 0.5), "BUN": (22, 9), "FiO2": (0.45, 0.1)}
#: Hours by patient in which nothing was measured at all.
SILENT_EVERY = 11


def write(folder: Path, patients: int, seed: int = 1) -> int:
    """Writes `p0...psv` and `p1...psv`, half each; the number of hours."""
    draw = np.random.default_rng(seed)
    hours = 0
    for number in range(patients):
        length = int(draw.integers(9, 40))
        hours += length
        onset = int(draw.integers(5, length)) if number % 3 == 0 else length + 1
        rows = [_row(draw, number, hour, hour >= onset) for hour in range(1, length + 1)]
        name = f"p{number % 2}{number:05d}.psv"
        (folder / name).write_text("\n".join(["|".join(COLUMNS), *rows]) + "\n")
    return hours


def _row(draw: np.random.Generator, number: int, hour: int, septic: bool) -> str:
    known: dict[str, float] = {}
    for name, (centre, spread) in (USUAL | SELDOM).items():
        share = 0.85 if name in USUAL else 0.15
        if draw.random() < share and hour % SILENT_EVERY:
            known[name] = round(float(draw.normal(centre, spread)) + (15 if septic and name == "HR" else 0), 2)
    if hour == 3:
        # Per cent, junk, and another analyte: what the traps of the files are.
        known |= {"FiO2": (40.0, 4000.0, -50.0)[number % 3], "Calcium": 1.13, "HR": 812.0}
    if hour == 7:
        known = {"Glucose": 9_999.0}
    known |= {"Age": 40.0 + number, "Gender": number % 2, "HospAdmTime": -5.5 * (number % 4) + (number % 5 == 0)}
    known |= {"Unit1": 1, "Unit2": 0} if number % 3 == 1 else {}
    known |= {"ICULOS": hour, "SepsisLabel": int(septic)}
    return "|".join("NaN" if name not in known else f"{known[name]:g}" for name in COLUMNS)
