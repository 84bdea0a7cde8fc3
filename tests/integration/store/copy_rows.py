"""An encoder of binary COPY that shares nothing with the Rust one, written from the PostgreSQL manual; and known rows.

`KNOWN` is repeated in core_rs/src/store/tests.rs: both encoders must make the bytes of golden/*.copy from it.
"""

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from nightlamp.store.copy import COLUMNS

PG_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
T0 = datetime(2026, 11, 21, 3, 12, 0, 123456, tzinfo=UTC)
ANN, BOB = UUID(bytes=bytes(range(16))), UUID(bytes=bytes([0xAB] * 16))


def text(value: str) -> bytes:
    return value.encode()


def timestamp(value: datetime) -> bytes:
    return struct.pack("!q", (value - PG_EPOCH) // timedelta(microseconds=1))


def day(value: date) -> bytes:
    return struct.pack("!i", (value - PG_EPOCH.date()).days)


def array(oid: int, pack: str) -> Callable[[Sequence[Any]], bytes]:
    def encode(values: Sequence[Any]) -> bytes:
        head = struct.pack("!iii", 1 if values else 0, int(None in values), oid)
        if values:
            head += struct.pack("!ii", len(values), 1)
        return head + b"".join(datum(None if v is None else struct.pack(pack, v)) for v in values)

    return encode


def packed(form: str) -> Callable[[Any], bytes]:
    return lambda value: struct.pack(form, value)


def jsonb(value: object) -> bytes:
    return b"\x01" + json.dumps(value, separators=(",", ":")).encode()


def datum(value: bytes | None) -> bytes:
    return struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value


_TYPES: dict[str, Callable[[Any], bytes]] = {
    **dict.fromkeys(("seq", "alert_id", "replayed_seq"), packed("!q")),
    "ordinal": packed("!i"),
    **dict.fromkeys(
        ("signal_id", "status", "source", "kind", "severity", "band", "present", "expected", "level"), packed("!h")
    ),
    **dict.fromkeys(("value", "raw_score"), packed("!d")),
    **dict.fromkeys(("here", "leaves", "stale", "held"), packed("!?")),
    **dict.fromkeys(("patient_id", "former_id"), lambda value: value.bytes),
    "birth_day": day,
    "input_signals": array(21, "!h"),
    "input_values": array(701, "!d"),
    "input_ages_s": array(700, "!f"),
    "input_points": array(21, "!h"),
    "features": array(700, "!f"),
    **dict.fromkeys(("contributions", "explanation"), jsonb),
    **dict.fromkeys(("model_sha256", "sha256"), bytes),
}


def _field(table: str, column: str, value: Any) -> bytes:
    if value is None:
        return datum(None)
    if column == "raw":
        return datum(value if table == "dead_letters" else struct.pack("!d", value))
    if column == "at" or column.endswith("_at"):
        return datum(timestamp(value))
    return datum(_TYPES.get(column, text)(value))


def stream(table: str, rows: Sequence[dict[str, Any]]) -> bytes:
    """A COPY stream of rows given as mappings by column."""
    columns = COLUMNS[table]
    tuples = []
    for row in rows:
        assert set(row) == set(columns), (table, set(row) ^ set(columns))
        tuples.append(struct.pack("!h", len(columns)) + b"".join(_field(table, c, row[c]) for c in columns))
    return b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0) + b"".join(tuples) + struct.pack("!h", -1)


@dataclass(frozen=True)
class Rows:
    """A batch like the engine's."""

    first_seq: int
    last_seq: int
    tables: list[tuple[str, int, bytes]] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return self.last_seq - self.first_seq + 1


def batch(first_seq: int, last_seq: int, **tables: Sequence[dict[str, Any]]) -> Rows:
    """A batch of rows by table."""
    return Rows(first_seq, last_seq, [(name, len(rows), stream(name, rows)) for name, rows in tables.items()])


def observation(seq: int, *, ordinal: int = 0, signal: int = 1, at: datetime = T0, **more: Any) -> dict[str, Any]:
    row = {"seq": seq, "ordinal": ordinal, "patient_id": ANN, "signal_id": signal, "observed_at": at, "received_at": T0}
    return row | {"value": 88.5, "status": 1, "source": 3} | more


def _place(place: str | None) -> tuple[str | None, ...]:
    return tuple(place.split("/")) if place else (None, None)


def encounter(
    seq: int,
    kind: int,
    *,
    patient: UUID = ANN,
    place: str | None = None,
    here: bool | None = None,
    lies: str | None = None,
    undone_since: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An ADT event in time: by default the engine follows it; `lies`, `here` and `undone_since` (a frame) say what it
    made of it otherwise."""
    here = kind not in {3, 6} if here is None else here
    unit, bed = _place(place)
    lies_unit, lies_bed = _place((lies or place) if here else None)
    decided = {"lies_unit": lies_unit, "lies_bed": lies_bed, "here": here, "leaves": kind in {3, 6}, "stale": False}
    names = {"authority": "HOSP", "identifier": f"id-{patient.hex[:4]}", "family": "Äß'; --", "given": "Ann"}
    times = {"admitted_at": None, "occurred_at": T0 + timedelta(minutes=seq), "received_at": T0, "recorded_at": None}
    times["undone_since_at"] = None if undone_since is None else T0 + timedelta(minutes=undone_since)
    row = {"seq": seq, "ordinal": 0, "kind": kind, "patient_id": patient, "birth_day": None, "sex": None}
    return row | names | times | {"visit": "", "class": "", "unit": unit, "bed": bed} | decided | more


def merge(seq: int, former: UUID, into: UUID) -> dict[str, Any]:
    """A record that is given up, as of the event of the same frame."""
    times = {"received_at": T0, "occurred_at": T0 + timedelta(minutes=seq)}
    return {"seq": seq, "ordinal": 0, **times, "former_id": former, "patient_id": into}


def score(seq: int, **more: Any) -> dict[str, Any]:
    row = {"seq": seq, "ordinal": 0, "patient_id": ANN, "model": "news2", "version": "1", "model_sha256": b""}
    row |= {"scored_at": T0 + timedelta(seconds=seq), "raw": 7.0, "value": 7.0, "band": 4, "present": 2, "expected": 3}
    inputs = {"input_signals": [1, 2, 3], "input_values": [131.0, None, 0.5], "input_ages_s": [2.5, None, 60.0]}
    return row | inputs | {"input_points": [3, None, 2], "features": []} | more


def alert(seq: int, alert_id: int, kind: int, **more: Any) -> dict[str, Any]:
    row = {
        "seq": seq,
        "ordinal": 0,
        "alert_id": alert_id,
        "patient_id": ANN,
        "unit": "icu",
        "bed": "4",
        "rule": "news2-high",
    }
    row |= {
        "kind": kind,
        "severity": 3,
        "at": T0 + timedelta(seconds=seq),
        "model": "news2",
        "version": "1",
        "value": 7.0,
    }
    contributions = [
        {"feature": "hr", "value": 131.0, "share": 3.0},
        {"feature": 'odd "name"', "value": None, "share": 0.5},
    ]
    words = "heart rate 131 /min, 2 s old"
    reasons = [{"about": "HR", "share": 3.0, "direction": "raises", "missing": False, "words": words}]
    why = (
        {"contributions": contributions, "explanation": reasons}
        if kind == 1
        else {"contributions": [], "explanation": []}
    )
    row |= {"reason": "NEWS2 7 >= 7", "cause": "news2", "subject": "", "by_key": "", "by_role": "", "to_role": ""}
    return row | {"note": "", "until_at": None, "level": 0, "held": False} | why | more


def snoozed(seq: int, alert_id: int, **more: Any) -> dict[str, Any]:
    until_at = T0 + timedelta(hours=1)
    said = {"by_key": "k1", "by_role": "nurse", "to_role": "physician", "note": "CT", "until_at": until_at}
    return alert(seq, alert_id, 4, **said, level=2) | more


def dead_letter(seq: int, **more: Any) -> dict[str, Any]:
    row = {"seq": seq, "ordinal": 2, "received_at": T0, "source": 3, "principal": "monitor", "context": "icu/4"}
    row |= {
        "stage": "window",
        "reason": "empty_bed",
        "detail": "nobody in the bed",
        "location": "",
        "raw": b"\x00\xff{}",
    }
    return row | more


def policy_change(seq: int, by: str, **more: Any) -> dict[str, Any]:
    row = {"seq": seq, "at": T0, "by_key": by, "note": "", "sha256": bytes(range(32)), "policy": "a = 1 # \u00e4\n"}
    return row | {"refused": ""} | more


KNOWN: dict[str, list[dict[str, Any]]] = {
    "patients_seen": [{"patient_id": ANN, "first_seen_at": T0, "last_seen_at": T0 + timedelta(seconds=5)}],
    "encounter_events": [
        encounter(
            1,
            1,
            place="icu/4",
            birth_day=date(1931, 2, 28),
            sex="F",
            visit="V1",
            recorded_at=T0 + timedelta(seconds=90),
            **{"class": "I"},
        ),
        encounter(2, 3, patient=BOB, family="", given=""),
    ],
    "patient_merges": [merge(12, BOB, ANN)],
    "observations": [observation(3), observation(4, ordinal=7, value=None, status=4)],
    "scores": [score(3), score(4, model="sepsis", model_sha256=b"\x01\x02", features=[1.5, float("nan")])],
    "alert_events": [
        alert(3, 3 << 16, 1, held=True),
        snoozed(4, 3 << 16),
        alert(5, 3 << 16, 2, patient_id=None, unit=None, bed=None),
    ],
    "dead_letters": [dead_letter(5), dead_letter(5, ordinal=3, raw=None, location="OBX^3^6")],
    "dead_letter_replays": [{"seq": 5, "replayed_seq": 6, "replayed_at": T0}],
    "policy_changes": [policy_change(1, "file"), policy_change(6, "k7", note="nachts wen\u00adger", refused="line 1")],
}

#: encounter_events with what the window stage makes of them; cargo test sends it the same messages. Ann goes home, Bob
#: gets her bed; a routine A08 for Ann still names it. Then Bob moves, and an A02 from before that comes late.
WARD_DECISIONS: list[dict[str, Any]] = [
    encounter(1, 1, place="icu/7"),
    encounter(2, 3, place="icu/7"),
    encounter(3, 1, patient=BOB, place="icu/7"),
    encounter(4, 5, place="icu/7", here=False),
    encounter(5, 2, patient=BOB, place="ward/1", occurred_at=T0 + timedelta(minutes=6)),
    encounter(6, 2, patient=BOB, place="icu/9", occurred_at=T0 + timedelta(minutes=5), lies="ward/1", stale=True),
    # The transfer is cancelled, then a discharge, then the admission. Admitted again, Bob turns out to be Ann; he moves
    # once more under the retired name.
    encounter(7, 7, patient=BOB, place="icu/7", undone_since=6),
    encounter(8, 3, patient=BOB, place="icu/7"),
    encounter(9, 8, patient=BOB, place="icu/7"),
    encounter(10, 6, patient=BOB, place="icu/7", undone_since=3),
    encounter(11, 1, patient=BOB, place="icu/8"),
    encounter(12, 9, place="icu/8"),
    encounter(13, 2, place="icu/4", authority="", identifier="", family="", given=""),
]


if __name__ == "__main__":  # writes golden/*.copy anew
    from pathlib import Path

    golden = Path(__file__).with_name("golden")
    for name, rows in KNOWN.items():
        golden.joinpath(f"{name}.copy").write_bytes(stream(name, rows))
    golden.joinpath("ward_decisions.copy").write_bytes(stream("encounter_events", WARD_DECISIONS))
