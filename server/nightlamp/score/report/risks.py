"""Risks as a Parquet file: patient, stay, time, risk; where folds made them, fold and alarm. For `train --risks` and
`evaluate --risks`.

The patient is the identifier of the recorded data, `stay` counts that patient's stays from 0 (absent: the first), the
time is the data's in microseconds: such a file holds what the data hold, and is to be kept like them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nightlamp.score.recording import DataError, Recording


@dataclass(frozen=True)
class Risks:
    """One a row of a recording."""

    risk: NDArray[np.float64]
    alarms: NDArray[np.bool_] | None = None
    """Called by the utility's threshold of the other folds."""
    fold: NDArray[np.int64] | None = None


def write(path: Path, recording: Recording, risks: Risks) -> None:
    """Writes the file. Raises OSError."""
    columns: dict[str, pl.Series] = {**_keys(recording), "risk": pl.Series(risks.risk)}
    if risks.alarms is not None:
        columns["alarm"] = pl.Series(risks.alarms)
    if risks.fold is not None:
        columns["fold"] = pl.Series(risks.fold)
    pl.DataFrame(columns).write_parquet(path, compression="zstd")


def read(path: Path, recording: Recording) -> Risks:
    """The risks of every row of the recording, whatever the file's order. Raises DataError where one is missing."""
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} is no Parquet file that can be read: {error}") from None
    if missing := [name for name in ("patient", "time", "risk") if name not in frame.columns]:
        raise DataError(f"{path} has no column {', '.join(missing)}; `nightlamp train --risks` writes such files")
    rows = pl.DataFrame(_keys(recording)).with_row_index("row")
    if "stay" not in frame.columns:
        frame = frame.with_columns(pl.lit(0).alias("stay"))
    types = {"patient": pl.String, "stay": pl.Int64, "time": pl.Int64}
    frame = frame.with_columns(pl.col(name).cast(kind) for name, kind in types.items())
    if frame.select(pl.struct(*types).is_duplicated().any()).item():
        raise DataError(f"{path} gives a patient two risks at one time")
    joined = rows.join(frame, on=list(types), how="left", maintain_order="left")
    risk = joined["risk"].cast(pl.Float64).to_numpy()
    lacking = int(np.isnan(risk.astype(np.float64)).sum())
    if lacking:
        raise DataError(f"{path} has no risk for {lacking:,} of {recording.rows:,} rows of these data")
    alarms = joined["alarm"].to_numpy().astype(np.bool_) if "alarm" in frame.columns else None
    fold = joined["fold"].to_numpy().astype(np.int64) if "fold" in frame.columns else None
    return Risks(risk, alarms, fold)


def _keys(recording: Recording) -> dict[str, pl.Series]:
    ids = pl.DataFrame({"patient": recording.patient_id})
    nth = ids.with_columns(stay=pl.int_range(pl.len(), dtype=pl.Int64).over("patient"))
    of_row = nth[recording.row_patient]
    return {"patient": of_row["patient"], "stay": of_row["stay"], "time": pl.Series(recording.row_at_us)}
