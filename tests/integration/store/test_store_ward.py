"""Patients, encounters and bed stays follow from the ADT events and what the engine made of them, in their order."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from copy_rows import ANN, BOB, T0, WARD_DECISIONS, batch, encounter, merge, observation, score

from nightlamp.store import Store

ADMIT, TRANSFER, DISCHARGE, REGISTER, UPDATE = 1, 2, 3, 4, 5
CANCEL_ADMIT, CANCEL_TRANSFER, CANCEL_DISCHARGE, MERGE = 6, 7, 8, 9


async def _stays(sql: asyncpg.Connection) -> list[tuple[str, str, int, int | None]]:
    """(who, where, from, to) with frames for times."""
    names = {ANN: "ann", BOB: "bob"}
    rows = await sql.fetch("SELECT * FROM bed_stays ORDER BY started_seq")
    return [(names[r["patient_id"]], f"{r['unit']}/{r['bed']}", r["started_seq"], r["ended_seq"]) for r in rows]


async def _store(store: Store, events: list[dict[str, Any]], one_by_one: bool) -> None:
    """The same events in one batch or in one each: the outcome must not differ."""
    if not one_by_one:
        await store.write(batch(1, len(events), encounter_events=events, **_merges(events)))
        return
    for event in events:
        await store.write(batch(event["seq"], event["seq"], encounter_events=[event], **_merges([event])))


def _merges(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Each A40 here gives Bob's record up for Ann's."""
    found = [merge(event["seq"], BOB, ANN) for event in events if event["kind"] == MERGE]
    return {"patient_merges": found} if found else {}


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
    await _store(store, WARD_DECISIONS[:6], one_by_one)
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


@cut
async def test_p7_what_is_cancelled_is_undone_and_kept_in_the_tables(
    store: Store, sql: asyncpg.Connection, one_by_one: bool
) -> None:
    for last, stays, cancelled in (
        (7, [("ann", "icu/7", 1, 2), ("bob", "icu/7", 3, None), ("bob", "ward/1", 5, 7)], {5}),
        (8, [("ann", "icu/7", 1, 2), ("bob", "icu/7", 3, 8), ("bob", "ward/1", 5, 7)], {5}),
        (9, [("ann", "icu/7", 1, 2), ("bob", "icu/7", 3, None), ("bob", "ward/1", 5, 7)], {5}),
        (10, [("ann", "icu/7", 1, 2), ("bob", "icu/7", 3, 10), ("bob", "ward/1", 5, 7)], {3, 5}),
    ):
        await _store(store, WARD_DECISIONS[:last], one_by_one)
        assert await _stays(sql) == stays, last
        assert {r["started_seq"] for r in await sql.fetch("SELECT * FROM bed_stays WHERE cancelled")} == cancelled
        ended = {8: False, 9: True, 10: False}.get(last, True)
        assert (await _encounters(sql, BOB))[-1] == (3, "", ended), last
        await sql.execute("UPDATE store_cursor SET seq = 0")
        for table in ("bed_stays", "encounters", "encounter_events"):
            await sql.execute(f"DELETE FROM {table}")


@cut
async def test_p7_merged_records_are_read_as_one_and_keep_their_ids(
    store: Store, sql: asyncpg.Connection, one_by_one: bool
) -> None:
    await _store(store, WARD_DECISIONS, one_by_one)
    assert (await _stays(sql))[3:] == [("bob", "icu/8", 11, 12), ("ann", "icu/8", 12, 13), ("ann", "icu/4", 13, None)]
    assert [row["patient_id"] for row in (await store.reader.patients(gone=True)).items] == [ANN]
    assert await store.reader.patient(BOB) == (ANN, "icu")
    assert await sql.fetchval("SELECT identifier FROM identities WHERE patient_id = $1", ANN) == "id-0001"
    later = T0 + timedelta(seconds=1)
    rows = [
        observation(14, patient_id=BOB, value=1.0),
        observation(14, ordinal=1, patient_id=BOB, value=2.0, at=later),
        observation(15, value=3.0),
        observation(16, value=4.0, at=later + timedelta(seconds=1)),
        observation(16, ordinal=1, value=None, status=4, at=later + timedelta(seconds=2)),
        observation(17, patient_id=BOB, value=5.0, at=later + timedelta(seconds=2)),
    ]
    await store.write(batch(14, 17, observations=rows))
    await store.register([(1, "HR", "/min", None)])
    # At the same time the survivor's own word holds: a value, or that there is none.
    for who in (ANN, BOB):
        known = await store.reader.patient(who)
        assert known is not None
        page = await store.reader.observations(known[0], T0 - timedelta(days=1), T0 + timedelta(days=1))
        assert [row["value"] for row in page.items] == [4.0, 2.0, 3.0]
    held = await sql.fetch("SELECT value FROM observations_current WHERE patient_id = $1 ORDER BY observed_at", ANN)
    assert [row["value"] for row in held] == [3.0, 2.0, 4.0]
    assert await sql.fetchval("SELECT count(*) FROM observations WHERE patient_id = $1", BOB) == 3


async def test_p7_after_a_merge_scores_are_paged_in_time_whatever_record_they_were_written_under(store: Store) -> None:
    await _store(store, WARD_DECISIONS, one_by_one=False)
    who = [BOB, ANN, BOB, BOB, ANN, ANN, BOB]
    rows = [score(14 + n, patient_id=patient) for n, patient in enumerate(who)]
    rows.append(score(20, ordinal=1, patient_id=ANN, scored_at=rows[-1]["scored_at"], model="sepsis"))
    await store.write(batch(14, 20, scores=rows))

    async def seqs(limit: int, model: str | None = None) -> list[tuple[int, int]]:
        found, cursor = [], None
        while True:
            page = await store.reader.scores(ANN, T0, T0 + timedelta(days=1), model=model, limit=limit, cursor=cursor)
            found += [(row["seq"], row["ordinal"]) for row in page.items]
            if (cursor := page.next_cursor) is None:
                return found

    told = sorted(((row["seq"], row["ordinal"]) for row in rows), reverse=True)
    for limit in (1, 2, 3, 100):
        assert await seqs(limit) == told, limit
    assert await seqs(2, "sepsis") == [(20, 1)]


async def test_who_left_was_last_where_he_or_she_lay_not_where_a_cancelled_transfer_led(store: Store) -> None:
    events = [
        encounter(1, ADMIT, place="ward/1"),
        encounter(3, TRANSFER, place="icu/4"),
        encounter(4, CANCEL_TRANSFER, place="ward/1", undone_since=3),
        encounter(5, DISCHARGE, place="ward/1"),
    ]
    for event in events:
        await store.write(batch(event["seq"] if event["seq"] != 3 else 2, event["seq"], encounter_events=[event]))
        known = await store.reader.patient(ANN)
        assert known == (ANN, "icu" if event["seq"] == 3 else "ward"), event["seq"]


async def test_a_chain_of_merges_keeps_the_order_in_which_records_were_joined(
    store: Store, sql: asyncpg.Connection
) -> None:
    cy = UUID(int=7)
    events = [encounter(1, ADMIT, patient=who) | {"ordinal": n} for n, who in enumerate((ANN, BOB, cy))]
    await store.write(batch(1, 1, encounter_events=events))
    for seq, former, into in ((2, ANN, BOB), (3, BOB, cy)):
        await store.write(
            batch(
                seq,
                seq,
                encounter_events=[encounter(seq, MERGE, patient=into)],
                patient_merges=[merge(seq, former, into)],
            )
        )
    rows = await sql.fetch("SELECT record_id, patient_id FROM former_records ORDER BY rank")
    assert [(row["record_id"], row["patient_id"]) for row in rows] == [(BOB, cy), (ANN, cy)]
    assert await sql.fetchval("SELECT records_of($1)", cy) == [cy, BOB, ANN]
