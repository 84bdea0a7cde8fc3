"""Patients for the browser tests, in the documented JSON."""

import json
import math
import time
from typing import Any

Tuple = tuple[str, str, str, int, str]
# In the order of the engine; FiO2 and GCS stand in for the item before them.
_ITEMS = ["Resp", "O2Sat", "Oxygen", "FiO2", "SBP", "HR", "Consciousness", "GCS", "Temp"]


def patient_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def course(base: float, swing: float, number: int, drift: float = 0.0, points: int = 40) -> dict[str, Any]:
    values = [base + drift * i / points + swing * math.sin(i * 0.7 + number) for i in range(points)]
    return {
        "at_ms": now_ms() - 30_000 * points,
        "t_s": [30 * i for i in range(points)],
        "v": [round(v, 1) for v in values],
    }


def vitals(number: int, news2: int, at: int, hr: float | None = None) -> dict[str, Any]:
    ill = min(news2, 10)
    return {
        "HR": {"value": hr if hr is not None else 72 + 5 * ill + number % 7, "unit": "/min", "at_ms": at - 1_000},
        "O2Sat": {"value": 98 - ill * 0.8, "unit": "%", "at_ms": at - 1_000},
        "Resp": {"value": 14 + 1.3 * ill, "unit": "/min", "at_ms": at - 2_000},
        "SBP": {"value": 128 - 3 * ill + number % 5, "unit": "mm[Hg]", "at_ms": at - 14 * 60_000},
        "DBP": {"value": 76 - ill, "unit": "mm[Hg]", "at_ms": at - 14 * 60_000},
        "Temp": {"value": 36.8 + 0.15 * ill, "unit": "Cel", "at_ms": at - 50 * 60_000},
        "Consciousness": {"value": 0, "unit": "", "at_ms": at - 3_600_000},
        "Oxygen": {"value": 1 if ill > 6 else 0, "unit": "", "at_ms": at - 1_800_000},
    }


def news2_score(news2: int, at: int, seen: dict[str, Any], present: int = 7) -> dict[str, Any]:
    left, items = news2, []
    for name in _ITEMS:
        known = seen.get(name)
        points = min(3, left) if known else 0
        left -= points
        value = None if known is None else known["value"]
        items.append(
            {
                "name": name,
                "value": value,
                "unit": known["unit"] if known else "",
                "points": points if known else None,
                "age_s": (at - known["at_ms"]) / 1_000 if known else None,
            }
        )
    band = 0 if news2 == 0 else 1 if news2 < 5 else 3 if news2 < 7 else 4
    return {
        "version": "RCP-2017", "kind": "rule", "value": float(news2), "raw": float(news2), "band": band,
        "present": present, "expected": 7, "at_ms": at, "items": items,
    }  # fmt: skip


def reason(words: str, share: float) -> dict[str, Any]:
    direction = "raises" if share > 0 else "lowers"
    missing = words.startswith("no ")
    return {"about": words.split()[0], "share": share, "direction": direction, "missing": missing, "words": words}


def opened(
    seq: int, severity: str, reason: str, at: int | None = None, explanation: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    top = [("Resp", 26.0, 3.0), ("O2Sat", 93.0, 2.0), ("HR", 112.0, 2.0)]
    return {
        "id": str(seq << 16 | 1), "rule": "news2-high", "score": "news2", "severity": severity, "at_ms": at or now_ms(),
        "value": 7.0, "reason": reason,
        "contributions": [{"feature": f, "value": v, "share": s} for f, v, s in top],
        "explanation": explanation or [],
    }  # fmt: skip


def patient(
    seq: int, number: int, news2: int, *, unit: str = "ICU-1", risk: float | None = 0.02, hr: float | None = None,
    alerts: list[dict[str, Any]] | None = None, drop: tuple[str, ...] = (), old: tuple[str, ...] = (),
) -> Tuple:  # fmt: skip
    at = now_ms()
    seen = {name: vital for name, vital in vitals(number, news2, at, hr).items() if name not in drop}
    for name in old:
        seen[name]["at_ms"] -= 6 * 3_600_000
    sepsis = {
        "version": "0.1.0", "kind": "model", "value": risk, "raw": -2.0, "band": 0, "present": 20, "expected": 34,
        "at_ms": at, "items": [],
    }  # fmt: skip
    spark = {
        "HR": course(72 + 3 * news2, 3, number, 2 * news2),
        "O2Sat": course(98, 0.6, number, -news2 * 0.8),
        "Resp": course(14, 1, number, 1.3 * news2),
        "SBP": course(128, 4, number, -3 * news2),
        "Temp": course(36.8, 0.1, number, 0.15 * news2),
    }
    body = {
        "type": "patient", "patient": patient_id(number), "unit": unit, "bed": f"{number:02d}", "at_ms": at,
        "cursor": str(seq << 16), "vitals": seen, "spark": spark,
        "scores": {"news2": news2_score(news2, at, seen, 7 - len(drop)), "sepsis": sepsis}, "alerts": alerts or [],
    }  # fmt: skip
    return "patient", unit, patient_id(number), seq << 16, json.dumps(body)


def alert(seq: int, number: int, opening: dict[str, Any], unit: str = "ICU-1") -> Tuple:
    cursor = seq << 16 | 1
    body = {
        "type": "alert", "cursor": str(cursor), "patient": patient_id(number), "unit": unit, "bed": f"{number:02d}",
        "kind": "opened", **opening,
    }  # fmt: skip
    return "alert", unit, patient_id(number), cursor, json.dumps(body)


def loose(seq: int, opening: dict[str, Any], kind: str = "opened") -> Tuple:
    """A step of an alert about no patient and no unit."""
    cursor = seq << 16 | 1
    body = {"type": "alert", "cursor": str(cursor), "patient": "", "unit": "", "bed": "", **opening, "kind": kind}
    return "alert", "", "", cursor, json.dumps(body)


def left(seq: int, number: int, unit: str = "ICU-1") -> Tuple:
    body = {
        "type": "left",
        "patient": patient_id(number),
        "unit": unit,
        "bed": "",
        "at_ms": now_ms(),
        "cursor": str(seq << 16),
    }
    return "left", unit, patient_id(number), seq << 16, json.dumps(body)
