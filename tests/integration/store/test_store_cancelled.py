"""Cancelled events in the tables: stays say what the engine holds, before and after a merge."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from copy_rows import ANN, BOB, T0, batch, encounter, merge

from nightlamp.store import Store

ADMIT, TRANSFER, DISCHARGE, UPDATE = 1, 2, 3, 5
CANCEL_ADMIT, CANCEL_TRANSFER, CANCEL_DISCHARGE, MERGE = 6, 7, 8, 9

Stay = tuple[str, str, int, int | None, bool]


async def _store(store: Store, events: list[dict[str, Any]]) -> None:
    """Each event in a batch of its own; each A40 gives Bob's record up for Ann's."""
    for event in events:
        merges = {"patient_merges": [merge(event["seq"], BOB, ANN)]} if event["kind"] == MERGE else {}
        await store.write(batch(event["seq"], event["seq"], encounter_events=[event], **merges))


async def _stays(sql: asyncpg.Connection) -> list[Stay]:
    """(who, where, from, until in minutes, cancelled)."""
    names = {ANN: "ann", BOB: "bob"}
    rows = await sql.fetch("SELECT * FROM bed_stays ORDER BY started_at, started_seq")

    def minute(at: Any) -> Any:
        return None if at is None else (at - T0) // timedelta(minutes=1)

    return [
        (
            names[r["patient_id"]],
            f"{r['unit']}/{r['bed']}",
            minute(r["started_at"]),
            minute(r["ended_at"]),
            r["cancelled"],
        )
        for r in rows
    ]


async def test_p7_a_cancelled_admission_undoes_all_stays_since_and_none_before(
    store: Store, sql: asyncpg.Connection
) -> None:
    await _store(
        store,
        [
            encounter(1, ADMIT, place="icu/1"),
            encounter(2, DISCHARGE, place="icu/1"),
            encounter(3, ADMIT, place="icu/2"),
            encounter(4, TRANSFER, place="icu/3"),
            encounter(5, ADMIT, patient=BOB, place="icu/3"),  # displaces
            encounter(6, CANCEL_ADMIT, undone_since=3),
        ],
    )
    assert await _stays(sql) == [
        ("ann", "icu/1", 1, 2, False),
        ("ann", "icu/2", 3, 4, True),
        ("ann", "icu/3", 4, 5, True),
        ("bob", "icu/3", 5, None, False),
    ]


async def test_p7_a_cancelled_transfer_undoes_what_it_led_to_and_cuts_what_began_before(
    store: Store, sql: asyncpg.Connection
) -> None:
    await _store(
        store,
        [
            encounter(1, ADMIT, place="icu/1"),
            encounter(2, TRANSFER, place="icu/2"),
            encounter(3, UPDATE, place="icu/3"),
            encounter(4, CANCEL_TRANSFER, lies="icu/1", undone_since=2),
            # Within the bed; its cancellation names another.
            encounter(5, TRANSFER, place="icu/1"),
            encounter(6, CANCEL_TRANSFER, place="icu/4", undone_since=5),
        ],
    )
    assert await _stays(sql) == [
        ("ann", "icu/1", 1, 5, False),
        ("ann", "icu/2", 2, 3, True),
        ("ann", "icu/3", 3, 4, True),
        ("ann", "icu/4", 6, None, False),
    ]


@pytest.mark.parametrize("kind", [CANCEL_TRANSFER, CANCEL_DISCHARGE])
async def test_p7_what_is_cancelled_after_a_merge_leaves_no_gap_in_the_stay_before_it(
    store: Store, sql: asyncpg.Connection, kind: int
) -> None:
    """The patient never left the bed, though the stay in it was written under the former record."""
    away = (
        encounter(2, TRANSFER, patient=BOB, place="icu/2")
        if kind == CANCEL_TRANSFER
        else encounter(2, DISCHARGE, patient=BOB, place="icu/1")
    )
    joined = encounter(3, MERGE, place="icu/2") if kind == CANCEL_TRANSFER else encounter(3, MERGE, here=False)
    back = encounter(4, kind, place="icu/1", undone_since=2 if kind == CANCEL_TRANSFER else None)
    await _store(store, [encounter(1, ADMIT, patient=BOB, place="icu/1"), away, joined, back])
    undone = [("bob", "icu/2", 2, 3, True), ("ann", "icu/2", 3, 4, True)] if kind == CANCEL_TRANSFER else []
    whole: list[Stay] = [("bob", "icu/1", 1, 2, False), *undone, ("ann", "icu/1", 2, None, False)]
    assert sorted(await _stays(sql), key=str) == sorted(whole, key=str)
    listed = (await store.reader.patients()).items
    assert [(row["patient_id"], row["unit"], row["bed"]) for row in listed] == [(ANN, "icu", "1")]
    # Under one name the row itself goes on.
    await _store(store, [encounter(5, DISCHARGE, place="icu/1"), encounter(6, CANCEL_DISCHARGE, place="icu/1")])
    assert [stay for stay in await _stays(sql) if stay[:2] == ("ann", "icu/1")] == [("ann", "icu/1", 2, None, False)]


async def test_p7_an_admission_told_again_after_its_cancellation_is_a_stay_of_its_own_since_the_patient_came(
    store: Store, sql: asyncpg.Connection
) -> None:
    came = T0 + timedelta(minutes=1)
    await _store(
        store,
        [
            encounter(1, ADMIT, place="icu/1", visit="V1"),
            encounter(2, CANCEL_ADMIT, visit="V1", undone_since=1),
            encounter(3, ADMIT, place="icu/1", visit="V1", occurred_at=came, recorded_at=came + timedelta(minutes=3)),
        ],
    )
    assert await _stays(sql) == [("ann", "icu/1", 1, 2, True), ("ann", "icu/1", 1, None, False)]
    rows = await sql.fetch(
        "SELECT visit, started_at, ended_at IS NULL AS open, cancelled FROM encounters ORDER BY 4 DESC"
    )
    assert [tuple(row) for row in rows] == [("V1", came, False, True), ("V1", came, True, False)]
    assert await sql.fetchval("SELECT recorded_at FROM encounter_events WHERE seq = 3") == came + timedelta(minutes=3)


async def test_p7_a_late_discharge_ends_an_encounter_of_the_former_record_that_another_followed(
    store: Store, sql: asyncpg.Connection
) -> None:
    await _store(
        store,
        [
            encounter(1, ADMIT, patient=BOB, place="icu/1", visit="V1"),
            encounter(2, ADMIT, patient=BOB, place="icu/2", visit="V2"),
            encounter(3, MERGE, place="icu/2"),
            encounter(4, DISCHARGE, here=True, lies="icu/2", leaves=False, stale=True, visit="V1", occurred_at=T0),
        ],
    )
    rows = await sql.fetch("SELECT visit, ended_at IS NULL AS open FROM encounters ORDER BY visit")
    assert [tuple(row) for row in rows] == [("V1", False), ("V2", True)]
