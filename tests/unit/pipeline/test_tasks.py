"""A task of the server that dies is seen: in `/readyz`, or by the server's end."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from nightlamp import endings
from nightlamp.observe import stages
from nightlamp.observe.health import StageHealth
from nightlamp.pipeline import Pipeline
from nightlamp.spool import Lane
from nightlamp.tasks import Tasks, end

FOUR = [StageHealth(name, "ok", "") for name in ("receive", stages.PIPELINE, "store", "publish")]


async def _dies() -> None:
    raise KeyError("no value of it is shown")


@pytest.mark.parametrize("name", sorted(stages.TASKS))
async def test_a_task_that_dies_turns_its_stage_down(name: str) -> None:
    async with AsyncExitStack() as stack:
        tasks = Tasks()
        tasks.start(stack, name, _dies())
        await asyncio.sleep(0.01)
        down = [one for one in stages.with_died(FOUR, tasks.died) if one.state == "down"]
        assert [one.stage for one in down] == [stages.TASKS[name]]
        assert "KeyError" in down[0].reason
        assert "no value" not in down[0].reason


@pytest.mark.parametrize("name", ["supervision", "keys"])
async def test_a_watching_task_that_dies_ends_the_server_with_its_code(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(endings, "FAILED_SHOWN_S", 0.01)
    never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    http = asyncio.create_task(asyncio.sleep(60))
    async with AsyncExitStack() as stack, asyncio.timeout(10):
        tasks = Tasks()
        tasks.start(stack, name, _dies())
        with pytest.raises(endings.TaskDied, match="KeyError") as raised:
            await endings.over(asyncio.Event(), http, asyncio.Event(), never, tasks.ended)
    assert raised.value.code == 70
    http.cancel()


async def test_a_task_that_is_cancelled_at_the_end_has_not_died() -> None:
    async with AsyncExitStack() as stack:
        tasks = Tasks()
        tasks.start(stack, "keys", asyncio.sleep(60))
        await asyncio.sleep(0)
    assert tasks.died == {}
    assert not tasks.ended.done()


async def test_a_storing_loop_that_dies_is_shown_as_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Idle:
        def batches_fd(self) -> int:
            return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

        def next_batch(self, timeout_ms: int) -> None:
            return None

    lane = Lane(tmp_path / "spool", 1_000, 1_000)
    pipeline = Pipeline(Idle(), None, None, lane)  # type: ignore[arg-type]
    monkeypatch.setattr(pipeline._storing, "run", _dies)
    pipeline.start()
    await asyncio.sleep(0.05)
    assert (pipeline.progress.store_error, pipeline.progress.store_stuck) == ("storing has ended: KeyError", True)
    await pipeline.drain(0.1)


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    """redis-py does where its server goes as ours is told to stop: the stop must not wait for ever."""

    async def swallows() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(swallows())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(task)
    assert task.cancelled()
