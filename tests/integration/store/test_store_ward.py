"""Patients, encounters and bed stays follow from the ADT events and what the engine made of them, in their order."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from copy_rows import ANN, BOB, T0, WARD_DECISIONS, batch, encounter

from nightlamp.store import Store

ADMIT, TRANSFER, DISCHARGE, REGISTER, UPDATE = 1, 2, 3, 4, 5


async def _stays(sql: asyncpg.Connection) -> list[tuple[str, str, int, int | None]]:
    """(who, where, from, to) with frames for times."""
    names = {ANN: "ann", BOB: "bob"}
    rows = await sql.fetch("SELECT * FROM bed_stays ORDER BY started_seq")
    return [(names[r["patient_id"]], f"{r['unit']}/{r['bed']}", r["started_seq"], r["ended_seq"]) for r in rows]


async def _store(store: Store, events: list[dict[str, Any]], one_by_one: bool) -> None:
    """The same events in one batch or in one each: the outcome must not differ."""
    if not one_by_one:
        await store.write(batch(1, len(events), encounter_events=events))
        return
    for event in events:
        await store.write(batch(event["seq"], event["seq"], encounter_events=[event]))


cut = pytest.mark.parametrize("one_by_one", [False, True], ids=["one-batch", "batch-each"])


@cut
async def test_a_stay_runs_from_admission_over_transfer_to_discharge(
    store: Store, sql: asyncpg.Connection, one_by_one: bool
) -> None:
    events = [
        encounter(1, ADMIT, place="icu/4"),
        encounter(2, UPDATE, place="icu/4"),
        encounter(3, UPDATE, lies="icu/4"),
        encounter(4, TRANSFER, place="ward/1"),
        encounter(5, DISCHARGE, place="ward/1"),
        encounter(6, UPDATE, here=False),
    ]
    await _store(store, events, one_by_one)
    assert await _stays(sql) == [("ann", "icu/4", 1, 4), ("ann", "ward/1", 4, 5)]
    row = await sql.fetchrow("SELECT * FROM bed_stays WHERE unit = 'icu'")
    assert row["ended_at"] - row["started_at"] == timedelta(minutes=3)


@cut
async def test_who_is_put_into_a_bed_takes_it_over(store: Store, sql: asyncpg.Connection, one_by_one: bool) -> None:
    events = [
        encounter(1, ADMIT, place="icu/4"),
        encounter(2, ADMIT, patient=BOB, place="icu/4"),
        encounter(3, DISCHARGE),
    ]
    await _store(store, events, one_by_one)
    assert await _stays(sql) == [("ann", "icu/4", 1, 2), ("bob", "icu/4", 2, None)]


@cut
async def test_an_update_after_discharge_takes_the_bed_from_nobody_and_opens_no_encounter(
    store: Store, sql: asyncpg.Connection, one_by_one: bool
) -> None:
    await _store(store, WARD_DECISIONS[:4], one_by_one)
    assert await _stays(sql) == [("ann", "icu/7", 1, 2), ("bob", "icu/7", 3, None)]
    assert await _encounters(sql) == [(1, "", False)]
    assert await _encounters(sql, BOB) == [(3, "", True)]


@cut
async def test_a_late_transfer_moves_nobody(store: Store, sql: asyncpg.Connection, one_by_one: bool) -> None:
    await _store(store, WARD_DECISIONS, one_by_one)
    assert await _stays(sql) == [("ann", "icu/7", 1, 2), ("bob", "icu/7", 3, 5), ("bob", "ward/1", 5, None)]
    ended = await sql.fetchval("SELECT ended_at FROM bed_stays WHERE ended_seq = 5")
    assert ended == T0 + timedelta(minutes=6)


@cut
async def test_who_loses_a_bed_and_gets_none_lies_nowhere(
    store: Store, sql: asyncpg.Connection, one_by_one: bool
) -> None:
    """The engine leaves the newcomer without a bed where a later stay in it is already known."""
    events = [encounter(1, ADMIT, place="icu/4"), encounter(2, TRANSFER, place="icu/5", lies_unit=None, lies_bed=None)]
    await _store(store, events, one_by_one)
    assert await _stays(sql) == [("ann", "icu/4", 1, 2)]
    assert await _encounters(sql) == [(1, "", True)]


@cut
async def test_two_patients_change_beds(store: Store, sql: asyncpg.Connection, one_by_one: bool) -> None:
    events = [
        encounter(1, ADMIT, place="icu/4"),
        encounter(2, ADMIT, patient=BOB, place="icu/5"),
        encounter(3, TRANSFER, place="icu/5"),
        encounter(4, TRANSFER, patient=BOB, place="icu/4"),
    ]
    await _store(store, events, one_by_one)
    assert (await _stays(sql))[2:] == [("ann", "icu/5", 3, None), ("bob", "icu/4", 4, None)]


async def test_a_stay_never_ends_before_it_began(store: Store, sql: asyncpg.Connection) -> None:
    await _store(
        store,
        [encounter(1, ADMIT, place="icu/4"), encounter(2, DISCHARGE, occurred_at=T0 - timedelta(days=9))],
        one_by_one=False,
    )
    assert await sql.fetchval("SELECT ended_at = started_at FROM bed_stays")


async def _encounters(sql: asyncpg.Connection, who: UUID = ANN) -> list[tuple[int, str, bool]]:
    rows = await sql.fetch("SELECT * FROM encounters WHERE patient_id = $1 ORDER BY encounter_id", who)
    return [(r["encounter_id"] >> 16, r["visit"], r["ended_at"] is None) for r in rows]


@cut
async def test_a_visit_number_names_the_encounter(store: Store, sql: asyncpg.Connection, one_by_one: bool) -> None:
    events = [
        encounter(1, ADMIT, place="icu/4", visit="V1"),
        encounter(2, DISCHARGE, visit="V1"),
        encounter(3, ADMIT, place="icu/4", visit="V2"),
        encounter(4, UPDATE, visit="V1"),
        encounter(5, UPDATE),
    ]
    await _store(store, events, one_by_one)
    assert await _encounters(sql) == [(1, "V1", False), (3, "V2", True)]
    assert await sql.fetchval("SELECT updated_seq FROM encounters WHERE visit = 'V2'") == 5


@cut
async def test_without_visit_numbers_a_discharge_ends_the_open_encounter(
    store: Store, sql: asyncpg.Connection, one_by_one: bool
) -> None:
    kinds = [REGISTER, ADMIT, DISCHARGE, ADMIT]
    await _store(store, [encounter(seq, kind, place="icu/4") for seq, kind in enumerate(kinds, 1)], one_by_one)
    assert await _encounters(sql) == [(1, "", False), (4, "", True)]


@cut
async def test_a_late_event_reopens_no_encounter_but_ends_one_that_another_followed(
    store: Store, sql: asyncpg.Connection, one_by_one: bool
) -> None:
    events = [
        encounter(1, ADMIT, visit="V1"),
        encounter(2, ADMIT, visit="V2"),
        encounter(3, DISCHARGE, visit="V1", here=True, leaves=False, stale=True, occurred_at=T0),
        encounter(4, DISCHARGE, visit="V2"),
        encounter(5, ADMIT, visit="V2", here=False, stale=True, occurred_at=T0),
        encounter(6, DISCHARGE, here=False, leaves=False),
        encounter(7, TRANSFER, visit="V3", here=False, stale=True, occurred_at=T0),
    ]
    await _store(store, events, one_by_one)
    assert await _encounters(sql) == [(1, "V1", False), (2, "V2", False)]


@cut
async def test_the_latest_statement_about_a_person_counts_and_silence_takes_nothing_away(
    store: Store, sql: asyncpg.Connection, one_by_one: bool
) -> None:
    events = [
        encounter(1, ADMIT, family="Old", birth_day=date(1931, 2, 28), sex="F"),
        encounter(2, UPDATE, family="New", birth_day=date(1931, 2, 27)),
        encounter(3, UPDATE, family="", given=""),
    ]
    await _store(store, events, one_by_one)
    row = await sql.fetchrow("SELECT family, updated_seq FROM identities")
    assert (row["family"], row["updated_seq"]) == ("New", 3)
    row = await sql.fetchrow("SELECT birth_day, sex FROM patients")
    assert (row["birth_day"], row["sex"]) == (date(1931, 2, 27), "F")
