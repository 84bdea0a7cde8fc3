"""Brings one channel's messages to their end: pace, attempts, back-off, age, and whether the channel is alive.

One attempt at a time. A message that failed waits behind the others of its severity and for its own back-off; a channel
that fails waits as a whole, so an outage costs one attempt a pause however many messages wait. Of one alert no message
is tried while an older one waits that failed less than `waiting.HOLDING_ATTEMPTS` times. A message ends as `delivered`,
`failed` (attempts_max), `expired` (age_s_max), `dropped` (no room) or `superseded` (a later step of the alert makes it
untrue, before it was sent).
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from nightlamp.notify.address import Outcome
from nightlamp.notify.event import Step
from nightlamp.notify.pace import Rate, backoff_s
from nightlamp.notify.stats import ChannelStats, NotifyStats
from nightlamp.notify.waiting import Job, Waiting
from nightlamp.notify.words import Message, Words
from nightlamp.settings import Channel, Notify

_log = structlog.get_logger("nightlamp.notify")
#: Ages are looked at so often, while nothing can be sent.
LOOK_S = 2.0
#: A line a channel and outcome in the log so often: a storm is told by its count.
TELL_S = 10.0

Record = Callable[[Job, str], None]
"""Told of every job that failed once or ended, with its state."""
Health = Callable[[str, bool, str], None]
"""Told when a channel dies or lives again: its name, whether it is dead, why in words."""


def _reminds_like(step: Step, newer: Step) -> bool:
    """Whether it is an older reminder of the same role."""
    return step.kind == newer.kind and step.to == newer.to and int(step.cursor) < int(newer.cursor)


class Courier(Protocol):
    """What sends."""

    async def send(self, message: Message) -> Outcome:
        """One attempt."""
        ...


class Delivery:
    """One channel."""

    def __init__(
        self,
        channel: Channel,
        settings: Notify,
        courier: Courier,
        words: Words,
        stats: NotifyStats,
        record: Record,
        health: Health,
    ) -> None:
        self.name = channel.name
        self._settings, self._courier, self._words = settings, courier, words
        self._record, self._health = record, health
        self._all = stats
        self.stats = stats.channels.setdefault(self.name, ChannelStats())
        self._waiting = Waiting(settings.queue_max)
        self._rate = Rate(channel.rate_per_minute_max)
        self._news = asyncio.Event()
        self._pause_until_s = 0.0
        self._failing_since_s: float | None = None
        self._under_way: Job | None = None
        self._looked_s = 0.0
        self._proven = False
        self._told_s: dict[str, float] = {}

    def put(self, job: Job) -> None:
        """Queue a job. Never waits. Of reminders of one role the newest alone is worth sending, in the older's turn."""
        self.stats.queued += 1
        older: list[Job] = []
        if job.step.kind == "reminded":
            older = self._overtaken(job.step.id, lambda step: _reminds_like(step, job.step))
        gave_way = self._waiting.put(job, older)
        for one in older:
            self._end(one, "superseded")
        if gave_way is not None:
            self._end(gave_way, "dropped")
        self._settle()
        self._news.set()

    def take_out(self, done: Callable[[Job], bool]) -> int:
        """Forget the jobs that an earlier run had brought to their end; how many."""
        found = self._waiting.take_out(done)
        self.stats.outcomes["repeated"] += len(found)
        self._settle()
        return len(found)

    def let_go(self, alert_id: str, overtaken: Callable[[Step], bool]) -> None:
        """End the messages about an alert that a later step has overtaken; one under way is not tried again."""
        found = self._overtaken(alert_id, overtaken)
        self._waiting.remove(found)
        for job in found:
            self._end(job, "superseded")
        if found:
            self._settle()
            self._forget_since()
            self._news.set()

    def _overtaken(self, alert_id: str, overtaken: Callable[[Step], bool]) -> list[Job]:
        """Those of an alert's messages that wait and are overtaken; one under way is marked."""
        if (trying := self._under_way) is not None and trying.step.id == alert_id:
            trying.overtaken = trying.overtaken or overtaken(trying.step)
        return [job for job in self._waiting.about(alert_id) if overtaken(job.step)]

    def _forget_since(self) -> None:
        """With nothing left to try, time alone makes no channel dead: no attempt would revive it."""
        if not self.stats.dead and not len(self._waiting) and self._under_way is None:
            self._failing_since_s = None

    def leave(self) -> None:
        """The server stops: what waits is recorded as waiting."""
        for job in [*self._waiting, *([self._under_way] if self._under_way else [])]:
            self._record(job, "waiting")

    def broken(self, is_so: bool) -> None:
        """`run` has failed, or begins again."""
        self.stats.broken = is_so
        self.stats.restarts += is_so

    async def run(self) -> None:
        """Deliver until cancelled. After an error it may be called again: the message under way counts as tried."""
        if (job := self._under_way) is not None:
            self._under_way = None
            self._attempted(job, "internal")
        while True:
            self._expire()
            self._judge()
            now_s = time.monotonic()
            job = self._waiting.pop(now_s) if self._free_at_s() <= now_s else None
            if job is None:
                await self._rest(now_s)
                continue
            if self._too_old(job):
                self._end(job, "expired")
                self._settle()
                continue
            self._under_way = job
            self._rate.note(now_s)
            outcome = await self._courier.send(self._words.message(job.step))
            self._under_way = None
            self._attempted(job, outcome.error)

    def _attempted(self, job: Job, error: str) -> None:
        job.attempts += 1
        self.stats.attempts[error or "ok"] += 1
        if error:
            self._failed(job, error)
        else:
            self._delivered(job)
        self._settle()

    def _free_at_s(self) -> float:
        return max(self._pause_until_s, self._rate.free_at_s())

    async def _rest(self, now_s: float) -> None:
        """Until something may be sent, or an age must be looked at, or news come."""
        self._news.clear()
        next_at_s = self._waiting.next_at_s()
        wait_s = LOOK_S if next_at_s is None else min(LOOK_S, max(next_at_s, self._free_at_s()) - now_s)
        if next_at_s is None and not self.stats.failures_in_row:
            await self._news.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(wait_s, 0.001)):
                await self._news.wait()

    def _delivered(self, job: Job) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._all.delivered_after(max(0.0, (now_ms - job.step.at_ms) / 1_000))
        self.stats.delivered_at_ms, self.stats.failures_in_row, self.stats.error = now_ms, 0, ""
        self._failing_since_s, self._pause_until_s = None, 0.0
        self._end(job, "delivered")
        if self.stats.dead:
            _log.info("a notification channel delivers again", channel=self.name)
        if self.stats.dead or not self._proven:  # the first in a run: an earlier run may have left it dead
            self._health(self.name, False, "messages are taken again")
        self.stats.dead, self._proven = False, True

    def _failed(self, job: Job, error: str) -> None:
        settings, now_s = self._settings, time.monotonic()
        job.error = self.stats.error = error
        self.stats.failed_at_ms = time.time_ns() // 1_000_000
        self.stats.failures_in_row += 1
        self._failing_since_s = now_s if self._failing_since_s is None else self._failing_since_s
        least_s, most_s = settings.backoff_s_min, settings.backoff_s_max
        self._pause_until_s = now_s + backoff_s(self.stats.failures_in_row, least_s, most_s)
        if job.overtaken:
            self._end(job, "superseded")
        elif job.attempts >= settings.attempts_max:
            self._end(job, "failed")
        else:
            job.not_before_s = now_s + backoff_s(job.attempts, least_s, most_s)
            self._record(job, "waiting")
            if (gave_way := self._waiting.put(job)) is not None:
                self._end(gave_way, "dropped")
        self._judge()
        if job.overtaken:
            self._forget_since()

    def _judge(self) -> None:
        """Say that the channel is dead, once."""
        failures, since_s = self.stats.failures_in_row, self._failing_since_s
        if self.stats.dead or since_s is None:
            return
        lasting_s = time.monotonic() - since_s
        if failures < self._settings.dead_failures and lasting_s < self._settings.dead_s:
            return
        self.stats.dead = True
        attempts = "attempt" if failures == 1 else f"{failures} attempts"
        waiting = "1 message waits" if len(self._waiting) == 1 else f"{len(self._waiting)} messages wait"
        reason = f"channel {self.name}: the last {attempts} failed ({self.stats.error}), {waiting}"
        _log.error("a notification channel is dead", channel=self.name, error=self.stats.error, failures=failures)
        self._health(self.name, True, reason)

    def _expire(self) -> None:
        """End what is too old to be told. What is being tried may still arrive."""
        if time.monotonic() - self._looked_s < LOOK_S / 2:
            return
        self._looked_s = time.monotonic()
        for job in self._waiting.take_out(self._too_old):
            self._end(job, "expired")
        self._settle()

    def _too_old(self, job: Job) -> bool:
        return job.step.at_ms < time.time_ns() // 1_000_000 - self._settings.age_s_max * 1_000

    def _end(self, job: Job, outcome: str) -> None:
        self.stats.outcomes[outcome] += 1
        if outcome not in ("delivered", "superseded"):
            self._tell(job, outcome)
        self._record(job, outcome)

    def _tell(self, job: Job, outcome: str) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s.get(outcome, -TELL_S) < TELL_S:
            return
        self._told_s[outcome] = now_s
        seq, ordinal, _ = job.key
        count = self.stats.outcomes[outcome]
        what = {"channel": self.name, "outcome": outcome, "attempts": job.attempts, "error": job.error, "count": count}
        _log.warning("notifications were not delivered; this is the newest", **what, seq=seq, ordinal=ordinal)

    def _settle(self) -> None:
        self.stats.waiting = len(self._waiting) + (self._under_way is not None)
