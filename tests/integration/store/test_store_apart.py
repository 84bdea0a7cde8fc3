"""P2, P4: a row that the database will not have becomes a dead letter; everything else of its batch is stored."""

import secrets
from typing import Any

import asyncpg
import pytest
from copy_rows import ANN, BOB, Rows, alert, batch, dead_letter, encounter, observation, score

from nightlamp.store import RowsRefused, Store, StoreUnavailable, apart
from nightlamp.store.errors import translate

FRAME = (3, "monitor", "icu/4", 1_700_000_000_000_000, b"the bytes of the frame")
#: Longer than an index entry may be, and not compressible.
LONG = secrets.token_hex(4_000)


def _frame(_: int) -> tuple[int, str, str, int, bytes]:
    return FRAME


def _batch(values: dict[int, float], frames: int = 200) -> Rows:
    """Three observations and a score a frame; `values` are those of the second observation of some frames."""
    observations: list[dict[str, Any]] = []
    for seq in range(1, frames + 1):
        second = observation(seq, ordinal=1, signal=2, value=values.get(seq, 1.0))
        observations += [observation(seq), second, observation(seq, ordinal=2, signal=3)]
    letters = [dead_letter(7, ordinal=0)]
    scores = [score(seq) for seq in range(1, frames + 1)]
    return batch(1, frames, observations=observations, scores=scores, dead_letters=letters)


async def _letters(sql: asyncpg.Connection) -> list[asyncpg.Record]:
    return list(await sql.fetch("SELECT * FROM dead_letters WHERE stage = 'store' ORDER BY seq, ordinal"))


async def test_p4_poison_rows_become_dead_letters_and_everything_else_is_stored(
    store: Store, sql: asyncpg.Connection
) -> None:
    await sql.execute("ALTER TABLE observations ADD CONSTRAINT not_the_beast CHECK (value <> 666)")
    poisoned = _batch({7: 666.0, 8: 666.0, 200: 666.0})
    with pytest.raises(RowsRefused):
        await store.write(poisoned)
    assert await store.cursor() == 0
    written = await store.write_apart(poisoned, _frame)
    assert (written.cursor, written.refused) == (200, 3)
    assert written.rows == {"observations": 597, "scores": 200, "dead_letters": 4}
    found = await sql.fetch("SELECT seq, ordinal FROM observations ORDER BY seq, ordinal")
    expected = {(seq, ordinal) for seq in range(1, 201) for ordinal in range(3)} - {(7, 1), (8, 1), (200, 1)}
    assert [tuple(row) for row in found] == sorted(expected)
    letters = await _letters(sql)
    assert [(row["seq"], row["ordinal"], row["location"]) for row in letters] == [
        (seq, 1 << 20, "observations[1]") for seq in (7, 8, 200)
    ]
    for row in letters:
        assert (row["reason"], row["source"], row["principal"], row["context"]) == ("not_storable", *FRAME[:3])
        assert "not_the_beast" in row["detail"]
        assert "23514" in row["detail"]
        assert "666" not in row["detail"]
    # The frame's bytes stand in its first dead letter: frame 7 has one of decode already.
    assert [row["raw"] for row in letters] == [None, FRAME[4], FRAME[4]]
    assert (await store.write_apart(poisoned, _frame)).skipped == 1
    assert len(await _letters(sql)) == 3


async def test_p4_an_adt_event_that_cannot_be_derived_does_not_take_the_others_along(
    store: Store, sql: asyncpg.Connection
) -> None:
    """A unit's name longer than an index entry: nothing in front of PostgreSQL refuses it."""
    events = [
        encounter(1, 1, place="icu/1"),
        encounter(1, 2, ordinal=1, place=f"{LONG}/1"),
        encounter(2, 1, patient=BOB, place=f"{LONG}/2"),
        encounter(3, 1, patient=BOB, place="icu/2"),
        encounter(4, 2, place="icu/3"),
    ]
    poisoned = batch(1, 4, encounter_events=events, observations=[observation(4)])
    with pytest.raises(RowsRefused):
        await store.write(poisoned)
    assert (await store.write_apart(poisoned, _frame)).refused == 2
    stays = await sql.fetch(
        "SELECT patient_id, unit, bed, ended_at IS NULL AS here FROM bed_stays ORDER BY started_seq"
    )
    assert [tuple(row) for row in stays] == [(ANN, "icu", "1", False), (BOB, "icu", "2", True), (ANN, "icu", "3", True)]
    assert [(row["seq"], row["location"]) for row in await _letters(sql)] == [
        (1, "encounter_events[1]"),
        (2, "encounter_events[0]"),
    ]
    assert await sql.fetchval("SELECT count(*) FROM encounter_events") == 3
    assert await sql.fetchval("SELECT count(*) FROM encounters") == 2


async def test_p4_a_batch_of_nothing_but_poison_passes(store: Store, sql: asyncpg.Connection) -> None:
    await sql.execute("ALTER TABLE alert_events ADD CHECK (seq < 0)")
    alerts = [alert(seq, seq << 16, 1) for seq in range(1, 34)]
    written = await store.write_apart(batch(1, 33, alert_events=alerts), lambda _: None)
    assert (written.cursor, written.refused, written.rows["alert_events"]) == (33, 33, 0)
    assert [row["seq"] for row in await _letters(sql)] == list(range(1, 34))


async def test_p4_a_dead_letter_that_is_poison_itself_is_replaced(store: Store, sql: asyncpg.Connection) -> None:
    await sql.execute("ALTER TABLE dead_letters ADD CHECK (detail <> 'unspeakable')")
    letters = [dead_letter(1, detail="unspeakable"), dead_letter(2)]
    assert (await store.write_apart(batch(1, 2, dead_letters=letters), _frame)).refused == 1
    rows = await sql.fetch("SELECT seq, stage, raw FROM dead_letters ORDER BY seq")
    assert [tuple(row) for row in rows] == [(1, "store", FRAME[4]), (2, "window", dead_letter(2)["raw"])]


async def test_p4_a_lack_of_room_is_waited_for_and_costs_no_row(store: Store, sql: asyncpg.Connection) -> None:
    """53100 disk_full comes from the database's state: halving would turn every row into a dead letter."""
    await sql.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END$$"
    )
    await sql.execute("CREATE TRIGGER full_disk BEFORE INSERT ON scores FOR EACH ROW EXECUTE FUNCTION no_room()")
    with pytest.raises(StoreUnavailable, match="53100"):
        await store.write(_batch({}, 5))
    with pytest.raises(StoreUnavailable, match="53100"):
        await store.write_apart(_batch({}, 5), _frame)
    assert (await store.cursor(), await _letters(sql)) == (0, [])
    await sql.execute("DROP TRIGGER full_disk ON scores")
    assert (await store.write(_batch({}, 5))).rows["scores"] == 5


async def test_p4_many_refused_adt_events_cost_an_attempt_a_frame_and_the_rest_is_derived_in_order(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = list[int]()
    attempt = apart.Apart._try

    async def counted(self: apart.Apart, rows: Any, **how: Any) -> str | None:
        tried.append(len(rows))
        return await attempt(self, rows, **how)

    monkeypatch.setattr(apart.Apart, "_try", counted)
    monkeypatch.setattr(apart, "SEARCHED_MAX", 2)
    poison = [encounter(seq, 1, patient=BOB, place=f"{LONG}/2") for seq in range(2, 60)]
    last = [encounter(60, 2, place="icu/3"), encounter(61, 1, patient=BOB, place="icu/2")]
    events = [encounter(1, 1, place="icu/1"), *poison, *last]
    assert (await store.write_apart(batch(1, 61, encounter_events=events), _frame)).refused == 58
    assert [row["seq"] for row in await _letters(sql)] == list(range(2, 60))
    stays = await sql.fetch("SELECT unit, bed, ended_at IS NULL AS here FROM bed_stays ORDER BY started_seq")
    assert [tuple(row) for row in stays] == [("icu", "1", False), ("icu", "3", True), ("icu", "2", True)]
    assert len(tried) < 61 + 20


def test_only_a_runtime_error_of_a_closed_line_is_waited_for() -> None:
    closed = "unable to perform operation on <TCPTransport closed=True>; the handler is closed"
    assert isinstance(translate(RuntimeError(closed)), StoreUnavailable)
    assert translate(RuntimeError("dictionary changed size during iteration")) is None
