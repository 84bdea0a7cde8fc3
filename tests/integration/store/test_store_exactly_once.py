"""P2: each batch's rows are stored once, with the cursor or not at all."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from copy_rows import T0, Rows, alert, batch, dead_letter, encounter, observation, score, stream

from nightlamp.store import Store, StoreError, StoreGap, StoreUnavailable
from nightlamp.store import rows as writing


async def _count(sql: asyncpg.Connection, table: str = "observations") -> int:
    return int(await sql.fetchval(f"SELECT count(*) FROM {table}"))


def _whole(first: int, last: int) -> Rows:
    """Rows of every table for the frames first to last."""
    seqs = range(first, last + 1)
    return batch(
        first,
        last,
        encounter_events=[encounter(seq, 5) for seq in seqs],
        observations=[observation(seq) for seq in seqs],
        scores=[score(seq) for seq in seqs],
        alert_events=[alert(seq, seq << 16, 1) for seq in seqs],
        dead_letters=[dead_letter(seq) for seq in seqs],
    )


TABLES = ["encounter_events", "observations", "scores", "alert_events", "dead_letters"]


async def test_a_batch_given_twice_is_stored_once(store: Store, sql: asyncpg.Connection) -> None:
    first = await store.write(_whole(1, 3))
    again = await store.write(_whole(1, 3))
    assert (first.cursor, first.skipped, again.cursor, again.skipped) == (3, 0, 3, 1)
    assert [await _count(sql, table) for table in TABLES] == [3] * len(TABLES)


async def test_batches_in_one_transaction_are_those_one_by_one(store: Store, sql: asyncpg.Connection) -> None:
    await store.write(_whole(1, 2))
    written = await store.write_many([_whole(1, 2), _whole(3, 3), batch(4, 9), _whole(10, 12)])
    assert (written.cursor, written.skipped, written.rows["observations"]) == (12, 1, 4)
    assert await sql.fetchval("SELECT array_agg(seq ORDER BY seq) FROM observations") == [1, 2, 3, 10, 11, 12]
    assert await store.cursor() == 12


@pytest.mark.parametrize(("first", "last"), [(5, 6), (3, 5), (2, 9)])
async def test_a_gap_or_an_overlap_is_refused_loudly(
    store: Store, sql: asyncpg.Connection, first: int, last: int
) -> None:
    await store.write(_whole(1, 3))
    with pytest.raises(StoreGap, match="stands at 3"):
        await store.write(_whole(first, last))
    assert (await _count(sql), await store.cursor()) == (3, 3)


async def test_a_batch_that_covers_nothing_new_is_skipped(store: Store) -> None:
    """The engine's first batch after a start shows who is here: frames 0 to the cursor."""
    await store.write(_whole(1, 3))
    assert (await store.write(batch(0, 3))).skipped == 1


async def test_bad_bytes_store_nothing_and_do_not_stop_the_next(store: Store, sql: asyncpg.Connection) -> None:
    good = stream("observations", [observation(1)])
    bad = Rows(1, 2, [("observations", 1, good), ("scores", 1, good)])
    with pytest.raises(StoreError) as caught:
        await store.write(bad)
    assert not isinstance(caught.value, StoreUnavailable)
    assert (await _count(sql), await store.cursor()) == (0, 0)
    await store.write(_whole(1, 2))
    assert await _count(sql) == 2


async def test_a_connection_killed_in_the_middle_of_copy_stores_nothing(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = writing.joined

    async def torn(streams: Any) -> AsyncIterator[memoryview]:
        async for chunk in whole(streams):
            yield chunk[: len(chunk) // 2]
            await sql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'nightlamp store' AND datname = current_database()"
            )
            await asyncio.sleep(0.2)
            yield chunk[len(chunk) // 2 :]

    monkeypatch.setattr(writing, "joined", torn)
    with pytest.raises(StoreUnavailable):
        await store.write(_whole(1, 500))
    monkeypatch.undo()
    assert [await _count(sql, table) for table in TABLES] == [0] * len(TABLES)
    await store.write(_whole(1, 500))
    assert (await _count(sql), await store.cursor()) == (500, 500)


async def test_a_write_cancelled_in_the_middle_stores_nothing(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asyncio.Event()

    async def endless(_: Any) -> AsyncIterator[bytes]:
        yield stream("observations", [observation(1)])[:-2]
        started.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(writing, "joined", endless)
    task = asyncio.create_task(store.write(batch(1, 1, observations=[observation(1)])))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    assert (await store.write(batch(1, 1, observations=[observation(1)]))).cursor == 1
    assert await _count(sql) == 1


async def test_a_lost_answer_to_commit_is_not_a_second_copy(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = asyncpg.transaction.Transaction._Transaction__commit

    async def committed_but_unheard(self: Any) -> None:
        await commit(self)
        raise ConnectionResetError

    monkeypatch.setattr(asyncpg.transaction.Transaction, "_Transaction__commit", committed_but_unheard)
    with pytest.raises(StoreUnavailable):
        await store.write(_whole(1, 2))
    monkeypatch.undo()
    assert (await store.write(_whole(1, 2))).skipped == 1
    assert await _count(sql) == 2


async def test_two_writers_cannot_store_the_same_frames(url: str, store: Store, sql: asyncpg.Connection) -> None:
    other = await Store.connect(url)
    written = await asyncio.gather(store.write(_whole(1, 50)), other.write(_whole(1, 50)))
    assert sorted(one.skipped for one in written) == [0, 1]
    assert await _count(sql) == 50
    await other.close()


async def test_a_database_serves_one_journal_only(url: str, store: Store) -> None:
    assert await store.claim("journal-of-a-start-that-failed") == 0
    assert await store.claim("journal-a") == 0
    await store.write(_whole(1, 3))
    assert await store.claim("journal-a") == 3
    with pytest.raises(StoreError, match="another journal"):
        await store.claim("journal-b")


async def test_a_database_that_is_away_is_unavailable_not_broken(tmp_path: Any) -> None:
    store = await Store.connect(f"postgresql://postgres@/none?host={tmp_path}")
    with pytest.raises(StoreUnavailable):
        await store.write(_whole(1, 1))
    with pytest.raises(StoreUnavailable):
        await store.reader.patients()
    await store.close()


async def test_bulk_rows_per_second_are_printed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A figure, not a promise: 10 batches of 10,000 observations of 100 signals."""
    batches = [
        batch(n + 1, n + 1, observations=[observation(n + 1, ordinal=i, signal=i % 100, at=T0) for i in range(10_000)])
        for n in range(10)
    ]
    start = time.perf_counter()
    for one in batches:
        await store.write(one)
    rate = 100_000 / (time.perf_counter() - start)
    with capsys.disabled():
        print(f"\nstore: {rate:,.0f} observations/s in batches of 10,000")
