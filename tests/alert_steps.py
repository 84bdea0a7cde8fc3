"""Alert messages as docs/messages.md has them, for tests of what listens to them."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

PATIENT = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


@dataclass
class Entry:
    """One message, as the hub and the store hand it out."""

    cursor: int
    body: bytes


@dataclass
class Batch:
    """What a hub tells its taps."""

    alerts: list[Entry] = field(default_factory=list)


def step(seq: int = 1, *, ordinal: int = 0, age_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """A high alert's opening, now."""
    cursor = seq << 16 | ordinal
    return {
        "type": "alert",
        "cursor": str(cursor),
        "patient": PATIENT,
        "unit": "ICU-1",
        "bed": "07",
        "kind": "opened",
        "id": str(cursor),
        "rule": "news2-high",
        "cause": "news2",
        "subject": "",
        "score": "news2",
        "severity": "high",
        "at_ms": int((time.time() - age_s) * 1_000),
        "value": 7.0,
        "reason": f"NEWS2 7 reached 7, frame {seq}",
        "contributions": [],
        "explanation": [],
        "by": "",
        "role": "",
        "to": "",
        "note": "",
        "until_ms": None,
        "level": 0,
        "held": False,
    } | more


def entry(**more: Any) -> Entry:
    """`step` as it is handed out."""
    made = step(**more)
    return Entry(int(made["cursor"]), json.dumps(made).encode())


def batch(*seqs: int, **more: Any) -> Batch:
    """One step a frame."""
    return Batch([entry(seq=seq, **more) for seq in seqs])
