"""P5: pasts are computed one at a time; who comes meanwhile is told to come again, and the next is served."""

import asyncio
import threading
from typing import Any, cast
from uuid import UUID

import pytest

from nightlamp._core import CoreError
from nightlamp.as_of import AsOf
from nightlamp.errors import Problem
from nightlamp.settings import Replay
from nightlamp.store import StoreUnavailable

WHO = UUID(int=7)


class Held:
    """Stands for an engine in the middle of a long replay, which ends when the test lets it."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def as_of(self, question: bytes) -> bytes:
        """Waits, then refuses as the engine would."""
        self.begun.set()
        self.go_on.wait(10)
        raise CoreError("replay_gone", 410, "the journal and its snapshots do not reach back to that time", 1_000_000)

    def read_frame(self, seq: int) -> None:
        """No frame is there."""


class Away:
    """A database that does not answer."""

    reader: Any

    def __init__(self) -> None:
        self.reader = self

    async def models_used(self, *_: object) -> list[Any]:
        """Refuses."""
        raise StoreUnavailable("away")


async def test_a_second_past_is_refused_while_one_is_computed() -> None:
    engine = Held()
    as_of = AsOf(engine, cast(Any, Away()), Replay(), [], 0)

    async def ask() -> Any:
        return await as_of.past(WHO, at_us=5, seq=None, scorer=None, features=False)

    first = asyncio.create_task(ask())
    assert await asyncio.to_thread(engine.begun.wait, 10)
    with pytest.raises(Problem) as busy:
        await ask()
    assert (busy.value.status, busy.value.headers["Retry-After"]) == (503, "2")
    engine.go_on.set()
    with pytest.raises(Problem) as gone:
        await first
    assert gone.value.status == 410
    assert gone.value.detail.endswith("the oldest is 1970-01-01T00:00:01+00:00")
    with pytest.raises(Problem) as again:
        await ask()
    assert again.value.status == 410
    assert dict(as_of.stats.outcomes) == {"busy": 1, "replay_gone": 2}
    assert as_of.stats.running == 0
