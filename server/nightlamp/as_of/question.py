"""The question to Rust, and its refusals as the answers of the HTTP door."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from nightlamp._core import CoreError
from nightlamp.errors import Problem

from .views import time_of


def question(
    patient_id: UUID,
    *,
    at_us: int | None,
    seq: int | None,
    time_s_max: float,
    bundles: list[Path],
    models: list[str] | None = None,
    history: bool = False,
) -> bytes:
    """The JSON that `Engine.as_of` and `replay_folder` take. `models`: SHA-256 of models to use, hexadecimal."""
    asked: dict[str, Any] = {
        "patient": patient_id.hex,
        "at_us": at_us,
        "seq": seq,
        "time_ms_max": int(time_s_max * 1_000),
        "bundles": [str(folder) for folder in bundles],
        "models": models or [],
        "history": history,
    }
    return json.dumps(asked).encode()


def refusal(error: CoreError) -> Problem:
    """Why the past cannot be shown, with what can be done."""
    code, status, detail, *more = error.args
    oldest_us = more[0] if more else None
    if code == "replay_gone":
        detail += "; nothing can be shown" if oldest_us is None else f"; the oldest is {time_of(oldest_us).isoformat()}"
    if code == "replay_too_long":
        detail += "; raise replay.time_s_max, or use `nightlamp replay --offline`"
    if code == "internal":
        detail = "The past could not be computed."
    return Problem(status, code, detail)
