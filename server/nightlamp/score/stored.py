"""What nightlamp itself recorded, as a recording: COPY streams of `observations`, `encounter_events`, `patient_merges`.

The tables and the journal give the same streams, so both adapters give the same recording. Each value enters when it
was received, corrections and withdrawals when they were: a row sees what serving saw (P8). Where a server replayed an
old recording (`decode.recorded_time`) receipt means nothing; then a value is known when observed, and what was
corrected or withdrawn later was never there. Memory: about 150 bytes a value.

Rows are the whole hours from a patient's first value on, while the patient is in the house, and until 72 hours after
the newest value, when the engine forgets who was never admitted. Of what ADT said the tables keep no coded facts
(service, admission type, diagnoses ...): a plan that reads them is trained with them missing.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from nightlamp.score.adt_text import Left, Stay, adt
from nightlamp.score.hours import hourly
from nightlamp.score.joined import Events, Merge, joined
from nightlamp.score.recording import FOR_EVER, HOUR_US, DataError, Outcomes, Recording
from nightlamp.score.table import NO_TIME, Table

#: What is read of `observations`, in the order of the store's COPY.
OBSERVATIONS = ("seq", "ordinal", "patient_id", "signal_id", "observed_at", "received_at", "value", "status", "source")
_HEADER_BYTES = 19
_KINDS = (">i8", ">i4", "V16", ">i2", ">i8", ">i8", ">f8", ">i2", ">i2")
#: A tuple of the stream whose value is not NULL: a count of fields, then each with its length before it.
_TUPLE = np.dtype(
    [("fields", ">i2")]
    + [
        (f"{name}_{part}", of)
        for name, kind in zip(OBSERVATIONS, _KINDS, strict=True)
        for part, of in (("bytes", ">i4"), ("is", kind))
    ]
)
_EPOCH_US = 946_684_800_000_000
_EPOCH_DAYS = 10_957
_SILENT_US = 72 * HOUR_US
#: A merge restates the survivor; what it joins is told by `patient_merges`.
_EVENTS = {1: "A01", 2: "A02", 3: "A03", 4: "A04", 5: "A08", 6: "A11", 7: "A12", 8: "A13", 9: "A08"}


@dataclass
class Stored:
    """Rows gathered from COPY streams, in the order of (seq, ordinal)."""

    patient: list[NDArray[np.void]] = field(default_factory=list)
    signal: list[NDArray[np.int64]] = field(default_factory=list)
    observed_us: list[NDArray[np.int64]] = field(default_factory=list)
    received_us: list[NDArray[np.int64]] = field(default_factory=list)
    value: list[NDArray[np.float64]] = field(default_factory=list)
    encounters: list["Encounter"] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)

    def add(self, table: str, stream: bytes) -> None:
        """Takes in one COPY stream of a table."""
        if table == "encounter_events":
            self.encounters += [_encounter(row) for row in fields(stream)]
            return
        if table == "patient_merges":
            self.merges += [_merge(row) for row in fields(stream)]
            return
        for rows in _tuples(stream):
            self.patient.append(rows["patient_id_is"].copy())
            self.signal.append(rows["signal_id_is"].astype(np.int64))
            self.observed_us.append(rows["observed_at_is"].astype(np.int64) + _EPOCH_US)
            self.received_us.append(rows["received_at_is"].astype(np.int64) + _EPOCH_US)
            null = rows["value_bytes"] < 0
            self.value.append(np.where(null, np.nan, rows["value_is"].astype(np.float64)))


@dataclass(frozen=True)
class Encounter:
    """What a row of `encounter_events` says."""

    patient: bytes
    event: str
    authority: str
    identifier: str
    stay: Stay
    left: Left
    occurred_us: int
    recorded_us: int | None
    received_us: int
    here: bool
    leaves: bool


def _tuples(stream: bytes) -> Iterator[NDArray[np.void]]:
    """The rows of an observations stream; a row whose value is NULL is 8 bytes shorter than the others."""
    width, at, end = _TUPLE.itemsize, _HEADER_BYTES, len(stream) - 2
    value_at = _TUPLE.fields["value_bytes"][1] if _TUPLE.fields else 0
    while at < end:
        rows = np.frombuffer(stream, _TUPLE, (end - at) // width, at)
        odd = np.flatnonzero(rows["value_bytes"] != 8)
        whole = int(odd[0]) if odd.size else len(rows)
        if whole:
            yield rows[:whole]
        at += whole * width
        if at < end:
            cut = at + value_at + 4
            yield np.frombuffer(stream[at:cut] + bytes(8) + stream[cut : at + width - 8], _TUPLE)
            at += width - 8


def fields(stream: bytes) -> Iterator[list[bytes | None]]:
    """The rows of any binary COPY stream, field by field."""
    at = _HEADER_BYTES
    while (count := struct.unpack_from(">h", stream, at)[0]) >= 0:
        at += 2
        row: list[bytes | None] = []
        for _ in range(count):
            length = struct.unpack_from(">i", stream, at)[0]
            at += 4
            row.append(None if length < 0 else stream[at : at + length])
            at += max(length, 0)
        yield row


#: What is read of `patient_merges`, in the order of the store's COPY.
MERGES = ("seq", "ordinal", "received_at", "occurred_at", "former_id", "patient_id")


def _merge(row: list[bytes | None]) -> Merge:
    said = dict(zip(MERGES, row, strict=False))
    received_us = int.from_bytes(said["received_at"] or b"", "big", signed=True) + _EPOCH_US
    return Merge(said["former_id"] or b"", said["patient_id"] or b"", received_us)


#: What is read of `encounter_events`, in the order of the store's COPY.
ENCOUNTERS = (
    "seq", "ordinal", "kind", "patient_id", "authority", "identifier", "family", "given", "birth_day",
    "sex", "visit", "class", "unit", "bed", "admitted_at", "occurred_at", "received_at", "lies_unit",
    "lies_bed", "here", "leaves", "stale", "recorded_at",
)  # fmt: skip


def _encounter(row: list[bytes | None]) -> Encounter:
    said = dict(zip(ENCOUNTERS, row, strict=False))

    def text(name: str) -> str:
        return (said[name] or b"").decode()

    def number(name: str) -> int:
        return int.from_bytes(said[name] or b"", "big", signed=True)

    def time(name: str) -> int | None:
        return None if said[name] is None else number(name) + _EPOCH_US

    born = ""
    if said["birth_day"] is not None:
        born = str(np.datetime64(number("birth_day") + _EPOCH_DAYS, "D")).replace("-", "")
    patient = said["patient_id"] or b""
    return Encounter(
        patient=patient,
        event=_EVENTS[number("kind")],
        authority=text("authority"),
        identifier=text("identifier"),
        stay=Stay(
            patient=str(UUID(bytes=patient)),
            birth_date=born,
            sex=text("sex"),
            unit=text("unit"),
            bed=text("bed"),
            visit=text("visit"),
            admitted_us=time("admitted_at"),
        ),
        left=Left(),
        occurred_us=time("occurred_at") or 0,
        recorded_us=time("recorded_at"),
        received_us=time("received_at") or 0,
        here=said["here"] == b"\x01",
        leaves=said["leaves"] == b"\x01",
    )


def recording(stored: Stored, by_receipt: bool, outcomes: Table | None, source: str) -> Recording:
    """The recording; `by_receipt` is false where the server replayed an old one. Raises DataError."""
    if not stored.value:
        raise DataError("nothing was recorded: there is no observation")
    who = np.concatenate(stored.patient)
    # Two halves of the pseudonym, as one key: numpy sorts no opaque bytes.
    halves = np.ascontiguousarray(who).view(">u8").reshape(-1, 2).astype(np.uint64)
    ids, patient = np.unique(halves.view([("high", np.uint64), ("low", np.uint64)]), return_inverse=True)
    patient = patient.reshape(-1).astype(np.int64)
    names = [UUID(int=(int(one["high"]) << 64) | int(one["low"])) for one in ids.ravel()]
    number = {name.bytes: at for at, name in enumerate(names)}
    signal, value = np.concatenate(stored.signal).astype(np.uint16), np.concatenate(stored.value)
    observed_us = np.concatenate(stored.observed_us)
    known_us = np.concatenate(stored.received_us) if by_receipt else observed_us
    events, person, ended = joined(Events(patient, signal, observed_us, known_us, value), stored.merges, number)
    patient, signal, observed_us = events.patient, events.signal, events.observed_us
    known_us, value = events.known_us, events.value
    kept = np.arange(len(patient)) if by_receipt else _current(patient, signal, observed_us, value)
    order = kept[np.lexsort((known_us[kept], patient[kept]))]
    patient, known_us = patient[order], known_us[order]
    told = [(number[e.patient], e) for e in stored.encounters if e.patient in number]
    told.sort(key=lambda one: (one[0], one[1].received_us if by_receipt else one[1].occurred_us))
    spans = _spans(patient, known_us, told, by_receipt, len(names), ended)
    row_patient, row_us = hourly(*spans)
    return Recording(
        patient=patient,
        signal=signal[order],
        observed_at_us=observed_us[order],
        value=value[order],
        known_at_us=known_us if by_receipt else None,
        row_patient=row_patient,
        row_at_us=row_us,
        label=np.zeros(len(row_us), dtype=np.int8),
        encounter_patient=np.array([of for of, _ in told], dtype=np.int64),
        encounters=[adt(e.event, e.stay, e.occurred_us, e.left, e.recorded_us) for _, e in told],
        told_at_us=np.array([e.received_us for _, e in told], dtype=np.int64) if by_receipt else None,
        patient_id=[str(name) for name in names],
        site=np.full(len(names), "all"),
        outcomes=None if outcomes is None else _outcomes(outcomes, stored.encounters, number),
        person=person,
        source=source,
        dropped={},
    )


def _current(
    patient: NDArray[np.int64], signal: NDArray[np.uint16], at_us: NDArray[np.int64], value: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Places of the newest statements about each patient, signal and time that did not withdraw the value."""
    order = np.lexsort((at_us, signal, patient))
    keys = (patient[order], signal[order], at_us[order])
    last = np.append(np.logical_or.reduce([np.diff(key.astype(np.int64)) != 0 for key in keys]), True)
    kept = order[last]
    return np.sort(kept[~np.isnan(value[kept])])


def _spans(
    patient: NDArray[np.int64],
    known_us: NDArray[np.int64],
    told: list[tuple[int, Encounter]],
    by_receipt: bool,
    patients: int,
    ended: dict[int, int],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Patient, beginning and end of the times at which somebody is asked about, in order and apart from each other."""
    away: dict[int, list[tuple[int, bool]]] = {}
    for of, e in told:
        if e.here or e.leaves:
            away.setdefault(of, []).append((e.received_us if by_receipt else e.occurred_us, e.here))
    for of, at_us in ended.items():
        moves = away.setdefault(of, [])
        moves.append((at_us, False))
        moves.sort(key=lambda move: move[0])
    bounds = np.searchsorted(patient, np.arange(patients + 1))
    found: list[tuple[int, int, int]] = []
    for of in range(patients):
        times = known_us[bounds[of] : bounds[of + 1]]
        breaks = np.flatnonzero(np.diff(times) > _SILENT_US) + 1
        for run in np.split(times, breaks):
            found += [(of, *span) for span in _in_house(int(run[0]), int(run[-1]), away.get(of, []))]
    spans = np.array(found, dtype=np.int64).reshape(-1, 3)
    return spans[:, 0], spans[:, 1], spans[:, 2]


def _in_house(first_us: int, last_us: int, moves: list[tuple[int, bool]]) -> list[tuple[int, int]]:
    """The parts of a run of values (to the whole hour after its last) in which the patient had not left."""
    end_us = -(-last_us // HOUR_US) * HOUR_US
    spans, since = [], first_us
    here = True
    for at_us, is_here in moves:
        if at_us > end_us:
            break
        if here and not is_here:
            spans.append((since, at_us - 1))
        elif not here and is_here:
            # A row falls on each whole hour: two spans must not share one.
            since = max(at_us, first_us)
        here = is_here
    if here:
        spans.append((since, end_us))
    return [(begin, end) for begin, end in spans if end >= begin]


def _outcomes(file: Table, encounters: list[Encounter], number: dict[bytes, int]) -> Outcomes:
    """The outcomes file: `patient` is the pseudonym, or the identifier that ADT messages named (with column `authority`
    where two authorities use it). Who has no observation has no outcome here. Raises DataError."""
    file.check(["patient"], ["authority"], ["time", "end"])
    who, authority = file.text("patient", required=True).to_list(), file.text("authority").to_list()
    start_us, end_us = file.times("time"), file.times("end")
    file.refuse(start_us == NO_TIME, "time", "a time is missing")
    end_us = np.where(end_us == NO_TIME, FOR_EVER, end_us)
    file.refuse(end_us < start_us, "end", "the outcome ends before it begins")
    known: dict[str, set[bytes]] = {}
    for e in encounters:
        for name in (e.identifier, f"{e.authority}|{e.identifier}", str(UUID(bytes=e.patient))):
            known.setdefault(name, set()).add(e.patient)
    for key in number:
        known.setdefault(str(UUID(bytes=key)), {key})
    found = [known.get(f"{a}|{w}" if a else w, set()) for w, a in zip(who, authority, strict=True)]
    several = np.array([len(one) > 1 for one in found], dtype=np.bool_)
    file.refuse(several, "patient", "two authorities use this identifier: name one in column authority")
    if who and not any(found):
        raise DataError(f"{file.path.name}, column patient: none of the {len(who)} is a patient of this recording")
    patient = np.array([number.get(next(iter(one), b""), -1) for one in found], dtype=np.int64)
    kept = patient >= 0
    return Outcomes.of(patient[kept], start_us[kept], end_us[kept])
