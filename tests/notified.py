"""Channels that deliver to sinks, without a database; what they said is kept."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from nightlamp.notify.address import Address
from nightlamp.notify.courier import Courier
from nightlamp.notify.delivery import Delivery
from nightlamp.notify.stats import ChannelStats, NotifyStats
from nightlamp.notify.waiting import Job
from nightlamp.notify.words import Words
from nightlamp.settings import Channel, Notify

#: Fast enough for tests; the defaults are the product's.
FAST = {"backoff_s_min": 0.02, "backoff_s_max": 0.1, "attempt_s_max": 1.0, "dead_failures": 3}


async def so(it_is: Callable[[], object], within_s: float = 20) -> None:
    """Once it is so. Raises TimeoutError when it takes longer."""
    async with asyncio.timeout(within_s):
        while not it_is():  # noqa: ASYNC110 (what is waited for knows no event)
            await asyncio.sleep(0.01)


def channel(folder: Path, name: str, url: str, **more: Any) -> Channel:
    """A channel whose URL stands in a file."""
    path = folder / f"{name}.url"
    path.write_text(url + "\n")
    return Channel(name=name, url_file=path, **more)


@dataclass
class Running:
    """A channel that delivers, and what it said."""

    delivery: Delivery
    courier: Courier
    states: dict[tuple[int, int, str], list[str]] = field(default_factory=dict)
    jobs: dict[tuple[int, int, str], Job] = field(default_factory=dict)
    health: list[tuple[str, bool, str]] = field(default_factory=list)

    @property
    def stats(self) -> ChannelStats:
        return self.delivery.stats

    def state(self, job: Job) -> str:
        """The newest of a job; empty before the first."""
        return self.states.get(job.key, [""])[-1]

    async def ended(self, *jobs: Job, within_s: float = 20) -> None:
        """Once all of them came to their end."""
        await so(lambda: all(self.state(job) not in {"", "waiting"} for job in jobs), within_s)


class Channels:
    """Starts channels and stops them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stats, self._tasks = folder, NotifyStats(), list[asyncio.Task[None]]()

    def start(self, name: str, url: str, rate: int = 6_000, **settings: Any) -> Running:
        chosen = channel(self.folder, name, url, rate_per_minute_max=rate)
        notify = Notify(**(FAST | settings))
        courier = Courier(name, Address(chosen, notify.attempt_s_max), notify.attempt_s_max)
        running: Running

        def record(job: Job, state: str) -> None:
            running.states.setdefault(job.key, []).append(state)
            running.jobs[job.key] = job

        def health(*told: Any) -> None:
            running.health.append(told)

        words = Words(notify.template, UTC, "https://lamp.example")
        running = Running(Delivery(chosen, notify, courier, words, self.stats, record, health), courier)
        self._tasks.append(asyncio.create_task(running.delivery.run()))
        return running

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
