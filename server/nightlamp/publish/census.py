"""Who is on the ward, where, in which newest state; and what a batch changes of it, sorted by who must be told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import orjson

from nightlamp.publish.words import without_words


@dataclass(frozen=True, slots=True)
class AlertEntry:
    """An alert message and what decides who gets it."""

    cursor: int
    unit: str
    patient_id: str
    body: bytes


class StoredAlert(Protocol):
    """An alert message as the store gives it back; `AlertEntry` is one, and the store's own `AlertMessage`."""

    @property
    def cursor(self) -> int:
        """`seq << 16 | ordinal`."""
        ...

    @property
    def unit(self) -> str:
        """Point of care, or empty."""
        ...

    @property
    def patient_id(self) -> str:
        """UUID text."""
        ...

    @property
    def body(self) -> bytes:
        """The message as it was published."""
        ...


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch says, reduced to the newest per patient; alerts all, in order."""

    states: dict[str, bytes] = field(default_factory=dict)
    """Patient id to newest `patient` or `left` message."""
    by_unit: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The same by unit."""
    moved: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Unit to `left` messages for patients who are in another unit now."""
    alerts: list[AlertEntry] = field(default_factory=list)

    def without_words(self) -> "Changes":
        """The same with blank notes. `moved` has none."""
        by_unit = {unit: _wordless(bodies) for unit, bodies in self.by_unit.items()}
        alerts = [replace(alert, body=without_words(alert.body)) for alert in self.alerts]
        return Changes(_wordless(self.states), by_unit, self.moved, alerts)


def _wordless(bodies: dict[str, bytes]) -> dict[str, bytes]:
    return {patient_id: without_words(body) for patient_id, body in bodies.items()}


class Census:
    """Patient id to (unit, newest message). Holds who is present; who left is forgotten."""

    def __init__(self) -> None:
        self.present: dict[str, tuple[str, bytes]] = {}

    def take(self, messages: Sequence[tuple[str, str, str, int, bytes]]) -> Changes:
        """Apply a batch's messages."""
        changes = Changes()
        for kind, unit, patient_id, cursor, body in messages:
            if kind == "alert":
                changes.alerts.append(AlertEntry(cursor, unit, patient_id, body))
                continue
            known = self.present.pop(patient_id, None) if kind == "left" else self.present.get(patient_id)
            if kind != "left":
                self.present[patient_id] = (unit, body)
            if known is not None and known[0] != unit:
                changes.by_unit.get(known[0], {}).pop(patient_id, None)
                changes.moved.setdefault(known[0], {})[patient_id] = _left(patient_id, known[0], cursor, body)
            changes.moved.get(unit, {}).pop(patient_id, None)
            changes.states[patient_id] = changes.by_unit.setdefault(unit, {})[patient_id] = body
        return changes


def _left(patient_id: str, unit: str, cursor: int, newer: bytes) -> bytes:
    """A `left` message for those who watch only the unit a patient was moved out of."""
    at_ms = orjson.loads(newer)["at_ms"]
    left = {"type": "left", "patient": patient_id, "unit": unit, "bed": "", "at_ms": at_ms, "cursor": str(cursor)}
    return orjson.dumps(left)
