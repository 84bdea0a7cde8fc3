"""What app.py adds to the parts: a stop in bounded time, and a database that forgets when the settings say so."""

import asyncio
import resource
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from nightlamp import app, open_files
from nightlamp.pipeline import Progress
from nightlamp.settings import Database


class HangingEngine:
    """An engine whose threads do not end before the test does."""

    def __init__(self) -> None:
        self.free = threading.Event()

    def stop(self) -> None:
        self.free.wait(30)


class Drained:
    """A pipeline that has nothing left."""

    progress = Progress()

    def __init__(self) -> None:
        self.within_s: list[float] = []

    async def drain(self, within_s: float) -> bool:
        self.within_s.append(within_s)
        return True


async def test_an_engine_that_does_not_stop_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "ENGINE_STOP_S_MAX", 0.1)
    engine, pipeline = HangingEngine(), Drained()
    began = time.monotonic()
    await app._drain(engine, pipeline)  # type: ignore[arg-type]
    engine.free.set()
    assert time.monotonic() - began < 10
    assert len(pipeline.within_s) == 1


@pytest.mark.parametrize(
    ("days", "alerts_days", "recorded", "told"),
    [
        (400, 0, False, [timedelta(days=400), timedelta(days=400)]),
        (0, 30, False, [None, ("alerts", timedelta(days=30)), None]),
        (400, 30, True, [None, None]),
    ],
)
async def test_the_database_keeps_what_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, days: int, alerts_days: int, recorded: bool, told: list[Any]
) -> None:
    monkeypatch.setattr(app, "MAINTAIN_EVERY_S", 0.001)
    asked: asyncio.Queue[Any] = asyncio.Queue()

    class Kept:
        async def maintain(self, keep: timedelta | None = None) -> tuple[int, int]:
            asked.put_nowait(keep)
            return 0, 0

        async def forget_alerts(self, keep: timedelta) -> tuple[int, int]:
            asked.put_nowait(("alerts", keep))
            return 0, 0

    settings = Database(keep_days=days, alerts_keep_days=alerts_days)
    task = asyncio.create_task(app._maintain(Kept(), settings, recorded))  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        assert [await asked.get() for _ in told] == told
    task.cancel()


def test_p5_the_limit_of_open_files_is_raised_as_far_as_it_may_be() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
        raised = open_files.make_room(100)
        assert raised == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert raised == min(hard, open_files.FILES_MAX)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
