"""Builders of pipeline batches for the tests of publish."""

import json
from dataclasses import dataclass
from typing import Any

Tuple = tuple[str, str, str, int, bytes]


@dataclass
class Batch:
    """A finished batch, as the pipeline hands it over."""

    messages: list[Tuple]


def patient(seq: int, patient_id: str, unit: str = "ICU-1", **more: Any) -> Tuple:
    body = {"type": "patient", "patient": patient_id, "unit": unit, "at_ms": seq, "cursor": str(seq << 16), **more}
    return "patient", unit, patient_id, seq << 16, json.dumps(body).encode()


def left(seq: int, patient_id: str, unit: str = "ICU-1") -> Tuple:
    body = {"type": "left", "patient": patient_id, "unit": unit, "at_ms": seq, "cursor": str(seq << 16)}
    return "left", unit, patient_id, seq << 16, json.dumps(body).encode()


def alert(seq: int, patient_id: str = "p1", unit: str = "ICU-1", ordinal: int = 1, **more: Any) -> Tuple:
    cursor = seq << 16 | ordinal
    body = {"type": "alert", "patient": patient_id, "unit": unit, "cursor": str(cursor), "kind": "opened", **more}
    return "alert", unit, patient_id, cursor, json.dumps(body).encode()
