"""A channel whose service refuses: later steps of the alert get through, what is over makes no channel dead."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from alert_steps import step
from notified import channel, so

from nightlamp.notify.address import Outcome
from nightlamp.notify.delivery import Delivery
from nightlamp.notify.event import step_of
from nightlamp.notify.stats import NotifyStats
from nightlamp.notify.waiting import HOLDING_ATTEMPTS, Job
from nightlamp.notify.words import Message, Words
from nightlamp.settings import Notify


class _Service:
    """Refuses what has certain words in its title."""

    def __init__(self) -> None:
        self.refuses: str | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        self.tried: list[str] = []

    async def send(self, message: Message) -> Outcome:
        self.meanwhile()
        self.tried.append(message.title)
        refused = self.refuses is not None and self.refuses in message.title
        return Outcome("http_400" if refused else "", 0.0)


class _Told:
    """A channel that is not run yet, and what it says."""

    def __init__(self, folder: Path, rate: int = 6_000, **settings: Any) -> None:
        self.service, self.dead, self.stats = _Service(), list[bool](), NotifyStats()
        self.ends: dict[int, str] = {}
        self.delivery = Delivery(
            channel(folder, "ward", "json://127.0.0.1", rate_per_minute_max=rate),
            (notify := Notify(**settings)),
            self.service,
            Words(notify.template, UTC, ""),
            self.stats,
            lambda job, state: self.ends.update({job.step.seq: state}),
            lambda _, dead, __: self.dead.append(dead),
        )

    def put(self, seq: int, **more: Any) -> Job:
        job = Job(step_of(json.dumps(step(seq, **more)).encode()), "ward")
        self.delivery.put(job)
        return job


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_message_that_is_refused_for_good_does_not_hold_back_the_escalation(tmp_path: Path) -> None:
    told = _Told(tmp_path, backoff_s_min=0.01, backoff_s_max=0.01, dead_failures=1_000, attempts_max=20)
    told.service.refuses = "opened"
    told.put(1, id="7")
    told.put(2, id="7", kind="escalated", to="physician")
    task = asyncio.create_task(told.delivery.run())
    await so(lambda: told.ends.get(2) == "delivered")
    await _ended(task)
    before = told.service.tried.index("HIGH alert news2-high escalated to physician")
    assert before == HOLDING_ATTEMPTS


@pytest.mark.parametrize("under_way", [False, True])
async def test_failures_of_what_is_over_make_no_channel_dead_by_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, under_way: bool
) -> None:
    """The queue is empty: nothing would be sent that could revive it."""
    monkeypatch.setattr("nightlamp.notify.delivery.LOOK_S", 0.02)
    told = _Told(tmp_path, dead_s=0.5, dead_failures=1_000, backoff_s_min=60, backoff_s_max=60)
    told.service.refuses = ""
    if under_way:
        told.service.meanwhile = lambda: told.delivery.let_go("7", lambda _: True)
    told.put(1, id="7")
    task = asyncio.create_task(told.delivery.run())
    await so(lambda: told.delivery.stats.failures_in_row)
    told.delivery.let_go("7", lambda _: True)
    assert told.ends == {1: "superseded"}
    await asyncio.sleep(1.0)  # twice dead_s; a slow machine looks less often, and finds it alive all the same
    assert (told.dead, told.delivery.stats.dead) == ([], False)
    await _ended(task)


async def test_a_reminder_is_sent_in_the_turn_of_the_one_it_replaces(tmp_path: Path) -> None:
    told = _Told(tmp_path, rate=1)
    for seq, alert in enumerate("789789", 1):
        told.put(seq, id=alert, kind="reminded", to="physician")
    task = asyncio.create_task(told.delivery.run())
    await so(lambda: told.service.tried)
    told.put(7, id="8", kind="reminded", to="physician")
    told.put(8, id="9", kind="reminded", to="physician")
    told.put(9, id="8", kind="reminded", to="physician")
    left = [job.step.seq for job in told.delivery._waiting]
    await _ended(task)
    assert told.ends[4] == "delivered"
    assert left == [9, 8]
