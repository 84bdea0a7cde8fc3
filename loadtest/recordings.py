"""Writes the recordings of ../shared/data in the long format that `nightlamp-loadtest run replay` reads.

    python loadtest/recordings.py [--data ../shared/data] [--to .cache/recordings] [--patients 1000]

bidmc.csv: BIDMC numerics, 1 Hz. physionet2019.csv: the challenge's hours of hospital A. Needs pyarrow (the extra
`train`). Where a recording is not there, says so and how to get it.
"""

import argparse
import csv
import sys
from pathlib import Path

import pyarrow.parquet as pq

#: Column of BIDMC -> nightlamp's signal and unit. PULSE is the oximeter's copy of HR.
BIDMC = {"HR": ("HR", "/min"), "RESP": ("Resp", "/min"), "SpO2": ("O2Sat", "%")}
#: Column of the challenge -> unit, where a monitor or a laboratory gives it.
PHYSIONET = {
    **dict.fromkeys(("HR", "Resp"), "/min"),
    "O2Sat": "%",
    "Temp": "Cel",
    **dict.fromkeys(("SBP", "MAP", "DBP", "EtCO2"), "mm[Hg]"),
    **dict.fromkeys(("Lactate", "Potassium", "Chloride", "HCO3"), "mmol/L"),
    **dict.fromkeys(("BUN", "Creatinine", "Glucose"), "mg/dL"),
    **dict.fromkeys(("WBC", "Platelets"), "10*3/uL"),
    "Hgb": "g/dL",
}


def main() -> int:
    """Write what there is; 1 where nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--to", type=Path, default=Path(".cache/recordings"))
    parser.add_argument("--patients", type=int, default=1_000, help="at most so many patients of the challenge")
    wanted = parser.parse_args()
    wanted.to.mkdir(parents=True, exist_ok=True)
    written = [_bidmc(wanted.data, wanted.to), _physionet(wanted.data, wanted.to, wanted.patients)]
    return 0 if any(written) else 1


def _bidmc(data: Path, to: Path) -> bool:
    source = data / "bidmc" / "numerics.parquet"
    if not source.exists():
        print(
            f"{source} is not there: BIDMC PPG and Respiration, PhysioNet (ODC-BY), its *_Numerics.csv", file=sys.stderr
        )
        return False
    with (to / "bidmc.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("patient", "time", "signal", "value", "unit"))
        for row in pq.read_table(source).to_pylist():
            for column, (signal, unit) in BIDMC.items():
                if row[column] is not None and row[column] == row[column]:
                    rows.writerow((row["recording"], row["Time [s]"], signal, row[column], unit))
    print(to / "bidmc.csv")
    return True


def _physionet(data: Path, to: Path, patients: int) -> bool:
    source = data / "physionet2019" / "setA.parquet"
    if not source.exists():
        print(
            f"{source} is not there: PhysioNet/CinC Challenge 2019 (CC BY 4.0, doi 10.13026/v64v-d857)", file=sys.stderr
        )
        return False
    seen: set[str] = set()
    with (to / "physionet2019.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("patient", "time", "signal", "value", "unit"))
        # Batch by batch: the whole table as rows would be gigabytes, and the first patients are wanted.
        batches = pq.ParquetFile(source).iter_batches(columns=["patient_id", "ICULOS", *PHYSIONET])
        for row in (row for batch in batches for row in batch.to_pylist()):
            seen.add(row["patient_id"])
            if len(seen) > patients:
                break
            for column, unit in PHYSIONET.items():
                if row[column] is not None and row[column] == row[column]:
                    rows.writerow((row["patient_id"], int(row["ICULOS"]) * 3_600, column, row[column], unit))
    print(to / "physionet2019.csv")
    return True


if __name__ == "__main__":
    raise SystemExit(main())
