"""P1 at the HTTP door: nobody is answered before the disk has their frame, everybody is as soon as it does."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from nightlamp.errors import Problem
from nightlamp.receive.receipts import Receipts


class Disk:
    """The engine's side of the contract: a counter and an eventfd."""

    def __init__(self) -> None:
        self.fd, self.seq = os.eventfd(0, os.EFD_CLOEXEC), 0
        self.withheld: tuple[str, int, str] | None = None
        self.error: str | None = None

    def durable_fd(self) -> int:
        return self.fd

    def durable_seq(self) -> int:
        return self.seq

    def journal_withheld(self) -> tuple[str, int, str] | None:
        return self.withheld

    def journal_failed(self) -> str | None:
        return self.error

    def withhold(self, code: str, status: int, error: str | None = None) -> None:
        self.withheld, self.error = (code, status, "not confirmed"), error
        os.eventfd_write(self.fd, 1)

    def commit(self, seq: int) -> None:
        self.seq = seq
        os.eventfd_write(self.fd, 1)


@pytest.fixture
def disk() -> Iterator[Disk]:
    one = Disk()
    yield one
    os.close(one.fd)


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_acknowledged_means_durable(disk: Disk) -> None:
    receipts = Receipts(disk, receipts_max=10, timeout_s=5)
    receipts.start()
    waiting = [asyncio.create_task(receipts.durable(seq)) for seq in (1, 2, 3)]
    await _settle()
    assert not any(task.done() for task in waiting)
    disk.commit(2)
    await asyncio.wait_for(asyncio.gather(*waiting[:2]), 5)
    assert not waiting[2].done()
    disk.commit(3)
    await asyncio.wait_for(waiting[2], 5)
    receipts.stop()


async def test_what_is_durable_already_does_not_wait(disk: Disk) -> None:
    receipts = Receipts(disk, receipts_max=10, timeout_s=5)
    receipts.start()
    disk.commit(7)
    await receipts.durable(7)
    assert receipts.waiting == 0
    receipts.stop()


async def test_a_silent_disk_gives_503_with_retry_after(disk: Disk) -> None:
    receipts = Receipts(disk, receipts_max=10, timeout_s=0.01)
    receipts.start()
    with pytest.raises(Problem) as refused:
        await receipts.durable(1)
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
    receipts.stop()


async def test_the_number_waiting_is_bounded(disk: Disk) -> None:
    receipts = Receipts(disk, receipts_max=2, timeout_s=5)
    receipts.start()
    tasks = [asyncio.create_task(receipts.durable(seq)) for seq in (1, 2)]
    await _settle()
    with pytest.raises(Problem, match="overloaded"):
        receipts.check_room()
    disk.commit(2)
    await asyncio.gather(*tasks)
    receipts.check_room()
    receipts.stop()


async def test_a_sender_that_left_holds_nobody_up(disk: Disk) -> None:
    receipts = Receipts(disk, receipts_max=10, timeout_s=5)
    receipts.start()
    left, stays = (asyncio.create_task(receipts.durable(seq)) for seq in (1, 2))
    await _settle()
    left.cancel()
    await _settle()
    disk.commit(2)
    await asyncio.wait_for(stays, 5)
    receipts.stop()


async def test_p5_a_full_disk_is_told_at_once_to_who_waits_and_to_who_comes(disk: Disk) -> None:
    receipts = Receipts(disk, receipts_max=10, timeout_s=60)
    receipts.start()
    waiting = [asyncio.create_task(receipts.durable(seq)) for seq in (1, 2)]
    await _settle()
    disk.commit(1)
    disk.withhold("journal_full", 507)
    await asyncio.wait_for(waiting[0], 5)
    for refused in (waiting[1], receipts.durable(3)):
        with pytest.raises(Problem) as problem:
            await asyncio.wait_for(refused, 5)
        assert (problem.value.status, problem.value.code) == (507, "journal_full")
        assert problem.value.headers["Retry-After"]
    assert receipts.waiting == 0
    assert not receipts.failed.is_set()
    disk.withheld = None
    disk.commit(3)
    await asyncio.wait_for(receipts.durable(3), 5)
    receipts.stop()


async def test_p1_a_failed_journal_acknowledges_nobody_and_says_so(disk: Disk) -> None:
    receipts = Receipts(disk, receipts_max=10, timeout_s=60)
    receipts.start()
    waiting = asyncio.create_task(receipts.durable(1))
    await _settle()
    disk.withhold("overloaded", 503, "cannot sync a batch")
    with pytest.raises(Problem) as problem:
        await asyncio.wait_for(waiting, 5)
    assert problem.value.status == 503
    assert receipts.failed.is_set()
    receipts.stop()
