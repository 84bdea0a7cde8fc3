"""A score is the stored row only if every bit is the same; missing is missing on both sides, never zero."""

from typing import Any

import pytest

from nightlamp.as_of import compare

TOLD: dict[str, Any] = {
    "version": "1.0.0",
    "model_sha256": "ab12",
    "ordinal": 3,
    "raw": -2.5000000000000004,
    "value": 0.07585818002124355,
    "band": 0,
    "present": 1,
    "expected": 2,
    "inputs": [
        {"signal": "HR", "unit": "/min", "value": 80.0, "age_s": 0.30000001192092896, "points": None},
        {"signal": "Temp", "unit": "Cel", "value": None, "age_s": None, "points": None},
    ],
    "features": [80.0, None, 0.0],
}
ROW: dict[str, Any] = {
    "version": "1.0.0",
    "model_sha256": bytes.fromhex("ab12"),
    "ordinal": 3,
    "raw": -2.5000000000000004,
    "value": 0.07585818002124355,
    "band": 0,
    "present": 1,
    "expected": 2,
    "input_names": ["HR", "Temp"],
    "input_values": [80.0, None],
    "input_ages_s": [0.30000001192092896, None],
    "input_points": [None, None],
    "features": [80.0, float("nan"), 0.0],
}


def test_the_same_row_is_the_same() -> None:
    assert compare(TOLD, ROW) == []


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("raw", {"raw": -2.5}),
        ("value", {"value": None}),
        ("features", {"features": [80.0, 0.0, 0.0]}),
        ("features", {"features": [80.0, float("nan"), -0.0]}),
        ("features", {"features": [80.0, float("nan")]}),
        ("ages", {"input_ages_s": [0.3, None]}),
        ("inputs", {"input_values": [80.0, 0.0]}),
        ("inputs", {"input_names": ["HR", "RR"]}),
        ("points", {"input_points": [0, None]}),
        ("model_sha256", {"model_sha256": b"\xab\x13"}),
        ("ordinal", {"ordinal": 4}),
        ("band", {"band": 1}),
    ],
)
def test_one_bit_or_a_missing_value_that_became_zero_is_another_score(name: str, changed: dict[str, Any]) -> None:
    assert compare(TOLD, ROW | changed) == [name]
