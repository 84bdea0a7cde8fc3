"""COPY streams become columns as PostgreSQL means them, and a stay's hours are those in the house."""

import struct
from pathlib import Path
from uuid import UUID

import numpy as np

from nightlamp.score.adt_text import adt, stamp
from nightlamp.score.joined import Events, Merge, joined
from nightlamp.score.recording import HOUR_US
from nightlamp.score.stored import Stored, _current, _in_house

EPOCH_US = 946_684_800_000_000
WHO = UUID("0a0b0c0d-0000-4000-8000-ffffffffffff")


def copied(values: list[float | None]) -> bytes:
    """A COPY stream of `observations` with these values, a second apart."""
    stream = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    for n, value in enumerate(values):
        fields = [
            struct.pack(">q", n + 1), struct.pack(">i", 0), WHO.bytes, struct.pack(">h", 22),
            struct.pack(">q", n * 1_000_000 - EPOCH_US), struct.pack(">q", n * 1_000_000),
            None if value is None else struct.pack(">d", value), struct.pack(">h", 1), struct.pack(">h", 1),
        ]  # fmt: skip
        stream += struct.pack(">h", len(fields))
        for field in fields:
            stream += struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field
    return stream + b"\xff\xff"


def test_values_and_withdrawals_are_read_wherever_they_stand() -> None:
    for values in ([], [1.5], [None], [None, None, 2.0], [1.0, None, 3.0, 4.0, None], [float(n) for n in range(50)]):
        stored = Stored()
        stored.add("observations", copied(values))
        found = np.concatenate([np.empty(0), *stored.value])
        assert np.array_equal(found, [np.nan if one is None else one for one in values], equal_nan=True)
        if values:
            assert np.concatenate(stored.observed_us).tolist() == [n * 1_000_000 for n in range(len(values))]
            assert set(np.concatenate(stored.signal).tolist()) == {22}
            assert {bytes(one) for one in np.concatenate(stored.patient)} == {WHO.bytes}


def test_what_is_held_true_is_the_newest_statement_unless_it_withdrew() -> None:
    patient, signal = np.array([0, 0, 0, 1, 0]), np.array([1, 1, 1, 1, 2], dtype=np.uint16)
    at_us, value = np.array([5, 5, 6, 5, 5]), np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    assert _current(patient, signal, at_us, value).tolist() == [1, 2, 3]


def test_p8_an_event_is_told_again_with_when_it_was_recorded() -> None:
    """What serving held, because it was recorded after a cancellation, training holds too."""
    golden = Path(__file__).resolve().parents[2] / "integration/store/golden/encounter_events.copy"
    stored = Stored()
    stored.add("encounter_events", golden.read_bytes())
    late, plain = stored.encounters
    assert (late.recorded_us, plain.recorded_us) == (late.occurred_us + 30_000_000, None)
    for one, evn in (
        (late, f"EVN|A01|{stamp(late.occurred_us + 30_000_000)}||||{stamp(late.occurred_us)}\r"),
        (plain, f"EVN|A03|{stamp(plain.occurred_us)}\r"),
    ):
        assert evn in adt(one.event, one.stay, one.occurred_us, one.left, one.recorded_us).decode()


def test_hours_away_are_no_rows() -> None:
    hour = HOUR_US
    assert _in_house(hour, 5 * hour, []) == [(hour, 5 * hour)]
    assert _in_house(hour, 5 * hour + 1, []) == [(hour, 6 * hour)]
    assert _in_house(hour, 9 * hour, [(0, True), (4 * hour, False)]) == [(hour, 4 * hour - 1)]
    left, back = (3 * hour, False), (7 * hour, True)
    assert _in_house(hour, 9 * hour, [left, back]) == [(hour, 3 * hour - 1), (7 * hour, 9 * hour)]
    assert _in_house(8 * hour, 9 * hour, [left, back]) == [(8 * hour, 9 * hour)]
    assert _in_house(4 * hour, 5 * hour, [left]) == []


def test_p8_a_survivor_knows_the_former_records_values_from_the_merge_on() -> None:
    """Records 1 and 2 are merged into 0 and 1; where both have a word of one time, the survivor's own holds."""
    nan = np.nan
    told = Events(
        patient=np.array([0, 1, 1, 1, 1, 2]),
        signal=np.array([1, 1, 1, 2, 2, 1], dtype=np.uint16),
        observed_us=np.array([10, 10, 20, 30, 30, 40]),
        known_us=np.array([11, 12, 21, 31, 32, 41]),
        value=np.array([1.0, 2.0, 3.0, 4.0, nan, 5.0]),
    )
    merges = [Merge(b"c", b"b", 50), Merge(b"b", b"a", 60), Merge(b"b", b"x", 70)]
    events, person, ended = joined(told, merges, {b"a": 0, b"b": 1, b"c": 2})
    assert person is not None
    assert (person.tolist(), ended) == ([0, 0, 0], {2: 50, 1: 60})
    added = list(zip(events.patient[6:], events.observed_us[6:], events.known_us[6:], events.value[6:], strict=True))
    assert added == [(1, 40, 50, 5.0), (0, 20, 60, 3.0), (0, 40, 60, 5.0)]
    assert joined(told, [], {b"a": 0, b"b": 1, b"c": 2})[1:] == (None, {})
