"""P3: what waits for PostgreSQL stays in order and within its bounds, in memory first, then in the spool."""

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nightlamp import spool
from nightlamp.spool import Lane, StoredRows

KIB = 1 << 10
Make = Callable[..., Lane]


def _rows(seq: int, size: int = KIB) -> StoredRows:
    return StoredRows(seq, seq, 1, [("observations", 1, bytes([seq % 256]) * size)])


def _on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    lanes: list[Lane] = []

    def made(memory_bytes_max: int, spool_bytes_max: int = 1 << 20) -> Lane:
        lanes.append(Lane(tmp_path / "spool", memory_bytes_max, spool_bytes_max))
        return lanes[-1]

    yield made
    for lane in lanes:
        lane.close()


async def _take(lane: Lane) -> StoredRows:
    (rows,) = await asyncio.wait_for(lane.head(1), 5)
    await lane.drop(1)
    return rows


async def test_order_holds_across_memory_and_spool(make: Make) -> None:
    lane = make(4 * KIB)
    expected, taken, seq = [], [], 0
    for step in range(300):
        for _ in range(step % 7):
            seq += 1
            await lane.put(_rows(seq, 700 + 13 * (seq % 50)))
            expected.append(_rows(seq, 700 + 13 * (seq % 50)))
        for _ in range((step + 3) % 7):
            if lane.batches:
                taken.append(await _take(lane))
    while lane.batches:
        taken.append(await _take(lane))
    assert taken == expected
    assert lane.batches_spooled > 100
    assert lane.memory_bytes == lane.spool_bytes == 0


async def test_memory_is_bounded_and_the_spool_is_emptied_when_it_runs_dry(make: Make, tmp_path: Path) -> None:
    lane = make(4 * KIB)
    for seq in range(100):
        await lane.put(_rows(seq))
        assert lane.memory_bytes <= 4 * KIB
    assert _on_disk(tmp_path) > 90 * KIB
    for _ in range(100):
        await _take(lane)
    assert _on_disk(tmp_path) == 0


async def test_p5_disk_is_given_back_while_the_backlog_drains(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More keeps coming, so that the spool never runs dry: its size is what waits, not what went through it."""
    monkeypatch.setattr(spool, "FILE_BYTES", 16 * KIB)
    lane = make(4 * KIB, 64 * KIB)
    for seq in range(40):
        await lane.put(_rows(seq))
    for seq in range(40, 1_040):
        assert (await _take(lane)).first_seq == (seq - 40)
        await asyncio.wait_for(lane.put(_rows(seq)), 5)
        assert _on_disk(tmp_path) <= 64 * KIB
    assert lane.batches == 40


async def test_what_piled_up_in_the_spool_is_taken_together_within_bounds(make: Make) -> None:
    lane = make(KIB)
    for seq in range(1, 12):
        await lane.put(_rows(seq))
    assert (await _take(lane)).first_seq == 1
    assert [rows.first_seq for rows in await lane.head(3)] == [2, 3, 4]
    assert [rows.first_seq for rows in await lane.head(99, bytes_max=5 * KIB)] == [2, 3, 4, 5]
    assert [rows.first_seq for rows in await lane.head(99, bytes_max=1)] == [2]
    await lane.head(99)
    await lane.drop(4)
    assert [rows.first_seq for rows in await lane.head(99)] == list(range(6, 12))


async def test_p5_a_full_disk_makes_the_pipeline_wait_and_room_lets_it_go_on(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "DISK_PAUSE_S", 0.01)
    lane = make(KIB)
    await lane.put(_rows(1))
    room = asyncio.Event()
    write = os.pwrite

    def pwrite(*arguments: object) -> int:
        if not room.is_set():
            raise OSError(errno.ENOSPC, "no space")
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "pwrite", pwrite)
    waiting = asyncio.create_task(lane.put(_rows(2)))
    async with asyncio.timeout(10):
        while lane.spool_error is None:  # noqa: ASYNC110 - told by a thread
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert (waiting.done(), lane.spool_error, lane.batches) == (False, "ENOSPC", 1)
    room.set()
    await asyncio.wait_for(waiting, 5)
    assert lane.spool_error is None
    assert [(await _take(lane)).first_seq for _ in range(2)] == [1, 2]


async def test_a_write_under_way_ends_before_the_spool_is_closed_also_where_nobody_waits_for_it_any_more(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop cancels the pipeline while the disk is slow: its file must not be closed under the write."""
    lane, began, written, write = make(KIB), threading.Event(), list[int](), os.pwrite

    def pwrite(*arguments: object) -> int:
        began.set()
        time.sleep(0.2)
        written.append(write(*arguments))  # type: ignore[arg-type]
        return written[-1]

    await lane.put(_rows(1))
    monkeypatch.setattr(os, "pwrite", pwrite)
    waiting = asyncio.create_task(lane.put(_rows(2)))
    await asyncio.to_thread(began.wait, 5)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    lane.close()
    assert len(written) == 1
    assert _on_disk(tmp_path) == 0


async def test_a_full_spool_makes_the_pipeline_wait_and_room_lets_it_go_on(make: Make) -> None:
    lane = make(KIB, 4 * KIB)
    while not lane.full:
        await lane.put(_rows(1))
    waiting = asyncio.create_task(lane.put(_rows(2)))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    while not waiting.done():
        await _take(lane)
        await asyncio.sleep(0)


async def test_one_batch_larger_than_the_memory_still_passes(make: Make) -> None:
    lane = make(KIB)
    await lane.put(_rows(1, 64 * KIB))
    assert (await _take(lane)).first_seq == 1


async def test_a_batch_stays_until_it_is_dropped(make: Make) -> None:
    lane = make(KIB)
    for seq in (1, 2, 3):
        await lane.put(_rows(seq))
    for seq in (1, 2, 3):
        assert (await lane.head(1))[0].first_seq == (await lane.head(1))[0].first_seq == seq
        await lane.drop(1)


async def test_what_an_earlier_run_left_is_forgotten(make: Make, tmp_path: Path) -> None:
    (tmp_path / "spool.7").write_bytes(b"left over")
    lane = make(KIB)
    assert _on_disk(tmp_path) == 0
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lane.head(1), 0.05)


async def test_what_piled_up_in_memory_is_taken_together(make: Make) -> None:
    lane = make(1 << 20)
    for seq in range(1, 6):
        await lane.put(_rows(seq))
    assert [rows.first_seq for rows in await lane.head(4)] == [1, 2, 3, 4]
    await lane.drop(4)
    assert [rows.first_seq for rows in await lane.head(4)] == [5]
    assert lane.memory_bytes == _rows(5).bytes
