"""Notifications of one server: takes alert messages as consoles get them, and brings each to the channels that want it.

    hub tap -> routes -> one queue a channel -> Delivery -> apprise;  outcomes -> notification_deliveries

`put` never waits and never raises: the route does not notice whether anybody can be reached. At a start all alert
events of the last `age_s_max` are looked through, page by page: what was not brought to its end is sent (at least
once), the most urgent where a channel's queue has no room for all; the others end as `dropped`, counted. Until the
database has said what earlier runs ended, what comes waits, at most `GATE_S_MAX`.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from nightlamp.notify import farewell, routing
from nightlamp.notify.delivery import Delivery
from nightlamp.notify.event import step_of
from nightlamp.notify.health import Health, Tell
from nightlamp.notify.lasting import lasting
from nightlamp.notify.overtaken import Overtaken
from nightlamp.notify.record import Key, Recorder
from nightlamp.notify.stats import NotifyStats
from nightlamp.notify.waiting import Job
from nightlamp.settings import Notify

_log = structlog.get_logger("nightlamp.notify")
SEEN_MAX, PAGE, GATE_S_MAX, RETRY_S = 100_000, 1_000, 5.0, 1.0


class Alert(Protocol):
    """What notifications read of an alert message: `publish.census.AlertEntry`, and the store's own."""

    @property
    def cursor(self) -> int:
        """`seq << 16 | ordinal`."""
        ...

    @property
    def body(self) -> bytes:
        """The message as published."""
        ...


class Changes(Protocol):
    """What a batch says, as far as it is about alerts."""

    @property
    def alerts(self) -> Sequence[Alert]:
        """In the order of the journal."""
        ...


History = Callable[[int, int | None, int], Awaitable[Sequence[Alert]]]
"""Stored alert messages: after a cursor, through another or None, at most so many."""


class Notifier:
    """`hub.taps.append(notifier.put)`, then run `run()` as a task."""

    def __init__(
        self,
        settings: Notify,
        deliveries: Sequence[Delivery],
        recorder: Recorder,
        history: History,
        health: Health,
        stats: NotifyStats,
        tell: Tell | None = None,
    ) -> None:
        self._settings, self._recorder, self._history, self._health = settings, recorder, history, health
        self._tell = tell
        self.stats = stats
        self._deliveries = {one.name: one for one in deliveries}
        self._overtaken = Overtaken()
        self._seen: OrderedDict[Key, None] = OrderedDict()
        self._ended: dict[Key, datetime] = {}
        """What an earlier run brought to its end, with the time of the step: a restored journal numbers anew."""
        self._first_put_s: float | None = None

    def put(self, changes: Changes) -> None:
        """Queue what a batch's alerts ask for. Never waits."""
        for alert in changes.alerts:
            self.stats.steps += 1
            if self._take(alert.body) and self._first_put_s is None:
                self._first_put_s = time.monotonic()

    def _take(self, body: bytes, since: dict[str, datetime] | None = None) -> int:
        """Queue a message on the channels that want it and have not seen it; on how many.

        `since`: an earlier run's message, for channels that were in use when it happened.
        """
        try:
            step = step_of(body)
        except (msgspec.MsgspecError, ValueError) as error:
            if not self.stats.steps_unreadable:
                _log.error("an alert message cannot be read for notifications", reason=type(error).__name__)
            self.stats.steps_unreadable += 1
            return 0
        self._overtaken.note(step)
        names = routing.channels(self._settings.routes, step)
        if not names and since is None:
            self.stats.steps_held += step.held
            self.stats.steps_unrouted += not step.held
        queued = 0
        for name in names:
            job = Job(step, name)
            if job.key in self._seen or self._ended.get(job.key) == step.at:
                self.stats.steps_repeated += since is None
            elif since is None or since[name] <= step.at:
                self._seen[job.key] = None
                self._deliveries[name].put(job)
                queued += 1
        for one in self._deliveries.values():  # also those that are not told of this step
            one.let_go(step.id, self._overtaken.has)
        while len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        return queued

    async def run(self) -> None:
        """Deliver until cancelled. Whatever fails begins again by itself, and ends nothing else."""
        recording = asyncio.create_task(self._lasting("records", self._recorder.run), name="notify records")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._lasting("health", self._health.run), name="notify health")
                tasks.create_task(farewell.bid(self._recorder, self._tell, list(self._deliveries)))
                recovering = tasks.create_task(self._recover(), name="notify recovery")
                while not recovering.done() and not self._waited_enough():
                    await asyncio.wait({recovering}, timeout=0.1)
                for one in self._deliveries.values():
                    tasks.create_task(lasting(one.name, one.run, one.broken), name=f"notify {one.name}")
                await asyncio.shield(recording)  # cancelled below, after what waits was recorded
        finally:
            for one in self._deliveries.values():
                one.leave()
            recording.cancel()
            with suppress(asyncio.CancelledError):
                await recording

    async def _lasting(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        def failed(now: bool) -> None:
            self.stats.parts_restarted += now

        await lasting(name, run, failed)

    def _waited_enough(self) -> bool:
        return self._first_put_s is not None and time.monotonic() - self._first_put_s > GATE_S_MAX

    async def _recover(self) -> None:
        """What an earlier run ended is not sent again; what it did not end is sent, if it is young enough."""
        while True:
            try:
                repeated = await self._look_back()
            except (
                Exception
            ) as error:  # whatever it is, the database may answer later, and what comes is sent meanwhile
                _log.debug("deliveries of earlier runs cannot be read yet", reason=type(error).__name__)
                await asyncio.sleep(RETRY_S)
                continue
            if repeated or self.stats.recovered:
                told = {"delivered_before": repeated, "sent_now": self.stats.recovered}
                _log.info("notifications go on from an earlier run", **told)
            return

    async def _look_back(self) -> int:
        """Queues what an earlier run did not end; how many messages that wait it had ended."""
        since = datetime.now(UTC) - timedelta(seconds=self._settings.age_s_max)
        known = await self._recorder.known_since(list(self._deliveries))
        ended = await self._recorder.ended(since)
        first = await self._recorder.first_step(since)
        repeated = sum(one.take_out(lambda job: ended.get(job.key) == job.step.at) for one in self._deliveries.values())
        self._ended = ended
        after = None if first is None else first - 1
        while after is not None and (page := await self._history(after, None, PAGE)):
            self.stats.recovered += sum(self._take(one.body, known) for one in page)
            after = page[-1].cursor
        return repeated
