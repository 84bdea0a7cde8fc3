"""Whether a score computed again is the stored row, bit for bit. Pure."""

import struct
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

StoredRow = Mapping[str, Any]


def compare(told: Mapping[str, Any], row: StoredRow) -> list[str]:
    """Names of what differs between a score as Rust tells it and its row of `scores`; empty where nothing does.

    The row has the columns of the statement `scores_of_frames`. Floats are compared by their bits; a feature that is no
    number is null in JSON and NaN in the row.
    """
    told_inputs, columns = told["inputs"], ("input_names", "input_values", "input_ages_s", "input_points")
    names, values, ages, points = (list(row[column] or []) for column in columns)
    differs = {
        "version": told["version"] != row["version"],
        "model_sha256": told["model_sha256"] != row["model_sha256"].hex(),
        "ordinal": told["ordinal"] != row["ordinal"],
        "raw": not _same(told["raw"], row["raw"]),
        "value": not _same(told["value"], row["value"]),
        "band": told["band"] != row["band"],
        "present": told["present"] != row["present"],
        "expected": told["expected"] != row["expected"],
        "inputs": [one["signal"] for one in told_inputs] != names
        or not _all([i["value"] for i in told_inputs], values),
        "ages": not _all([one["age_s"] for one in told_inputs], ages),
        "points": [one["points"] for one in told_inputs] != points,
        "features": not _all(told["features"], row["features"]),
    }
    return [name for name, is_other in differs.items() if is_other]


def _all(one: Sequence[float | None], other: Sequence[float | None]) -> bool:
    return len(one) == len(other) and all(map(_same, one, other))


def _same(one: float | None, other: float | None) -> bool:
    """Equal bits; None and NaN are one, as JSON has no NaN."""
    if _missing(one) or _missing(other):
        return _missing(one) and _missing(other)
    return struct.pack("<d", one) == struct.pack("<d", other)


def _missing(value: float | None) -> bool:
    return value is None or isnan(value)
