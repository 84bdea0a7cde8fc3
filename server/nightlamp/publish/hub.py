"""In-process fan-out: one pipeline offers, many clients take. `offer` never waits and runs in the event loop's thread.

The hub keeps the newest state of every present patient (the snapshot a new client gets) and the last `alert_ring_max`
alert messages (what a returning client missed). Older alerts come from the store through `AlertHistory`. An alert
reaches each client once: cursors only grow, and what a replay after a restart offers again is known by its cursor.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from nightlamp.publish.batch import Batch
from nightlamp.publish.census import AlertEntry, Census, Changes, StoredAlert
from nightlamp.publish.client import Client, Subscription
from nightlamp.publish.feed import Feed
from nightlamp.publish.limits import PublishLimits
from nightlamp.publish.line import Line
from nightlamp.publish.stats import PublishStats


class HistoryBehind(Exception):
    """The store has not reached the cursor it was asked for: the client comes back later."""


class AlertHistory(Protocol):
    """Reads old alert messages from the store."""

    async def __call__(self, after: int, through: int | None, limit: int) -> Sequence[StoredAlert]:
        """At most `limit` alerts with `after < cursor <= through`, by cursor; fewer means there are no more.

        `through` None means all that the store holds. Raises HistoryBehind where the store's cursor is below
        `through`; whatever it raises, the client is asked to come back with the same cursor.
        """
        ...


class Hub:
    """The latest of everything, and who wants it."""

    def __init__(
        self,
        stream_id: str,
        *,
        limits: PublishLimits | None = None,
        stats: PublishStats | None = None,
        history: AlertHistory | None = None,
        recorded_time: bool = False,
    ) -> None:
        """`stream_id` names the journal the cursors belong to: another journal, another name."""
        self.stream_id = stream_id
        self.limits = limits or PublishLimits()
        self.stats = stats or PublishStats()
        self.history = history
        self.recorded_time = recorded_time
        """Whether a recording is replayed, which consoles must show."""
        self._census = Census()
        self._ring: deque[AlertEntry] = deque(maxlen=self.limits.alert_ring_max)
        self._floor: int | None = None
        """Alerts at or below it are not in the ring; None until the first batch."""
        self._alert_cursor = 0
        self.offered_at_ms: int | None = None
        """When the pipeline last handed over a batch, server's clock: what tells a dead pipeline from a quiet ward."""
        self._clients: dict[Client, None] = {}
        self._feeds: dict[Subscription, Feed] = {}
        self.taps: list[Callable[[Changes], None]] = []
        """Who else is told of every batch; must not wait."""

    @property
    def cursor(self) -> int:
        """The newest cursor offered; 0 before the first."""
        return self.stats.cursor

    @property
    def patients(self) -> int:
        """Patients in the snapshot."""
        return len(self._census.present)

    def offer(self, batch: Batch) -> None:
        """Take a finished batch, in the event loop's thread; neither waits nor raises for a slow client."""
        self.offered_at_ms = time.time_ns() // 1_000_000
        messages = batch.messages
        if not messages:
            return
        cursors = [message[3] for message in messages]
        if self._floor is None:
            # What a server shows of everybody as it starts has sequence 0: it says nothing about where alerts begin.
            began = min((cursor >> 16 for cursor in cursors if cursor >> 16), default=None)
            self._floor = None if began is None else (began << 16) - 1
        changes = self._census.take(messages)
        self.stats.messages_offered += len(messages)
        self.stats.cursor = max(self.stats.cursor, *cursors)
        told = _Told(replace(changes, alerts=[alert for alert in changes.alerts if self._is_new(alert)]))
        feeds, alone = [*self._feeds.values()], [client for client in self._clients if client.feed is None]
        for client in alone:
            mine = told.to(client.subscription)
            client.put_patients(_part(client.subscription, mine))
            for alert in mine.alerts:
                if client.subscription.wants(alert.unit, alert.patient_id):
                    client.put_alert(alert)
        for feed in feeds:
            wanted = feed.subscription
            mine = told.to(wanted)
            states = _part(wanted, mine)
            alerts = [alert for alert in mine.alerts if wanted.wants(alert.unit, alert.patient_id)]
            if states or alerts:
                feed.put(states, alerts)
        for tap in self.taps:
            tap(changes)

    def _is_new(self, alert: AlertEntry) -> bool:
        """Put an alert into the ring; False where it was offered before."""
        if alert.cursor <= self._alert_cursor:
            self.stats.alerts_repeated += 1
            return False
        self._alert_cursor = alert.cursor
        if len(self._ring) == self._ring.maxlen:
            self._floor = self._ring[0].cursor
        self._ring.append(alert)
        return True

    def join(self, client: Client, line: Line) -> None:
        """A client that has seen everything so far is written to together with others of its subscription."""
        wanted = client.subscription
        client.feed = self._feeds.setdefault(wanted, Feed(wanted, self.limits, self.stats, self._end))
        client.feed.join(client, line)

    def _end(self, feed: Feed) -> None:
        """Everybody has left it."""
        self._feeds.pop(feed.subscription, None)

    @contextmanager
    def attached(self, subscription: Subscription, resume: int | None, stream_id: str | None) -> Iterator[Client]:
        """A client from its subscription to its end: snapshot queued, missed alerts queued, live from here on.

        `resume` is the last cursor the client has seen, of the journal named `stream_id`.
        """
        client = Client(subscription, self.limits.client_alerts_max, self._alert_cursor, self.stats)
        if resume is not None:
            self._resume(client, resume, stream_id)
        client.put_patients(self.matching(subscription))
        self._clients[client] = None
        try:
            yield client
        finally:
            client.leave_feed()
            self._clients.pop(client, None)

    def matching(self, subscription: Subscription) -> dict[str, bytes]:
        """The snapshot, as far as a subscription wants it."""
        present, shown = self._census.present, subscription.shown
        if subscription.everything:
            return {patient_id: shown(body) for patient_id, (_, body) in present.items()}
        return {p: shown(body) for p, (unit, body) in present.items() if subscription.wants(unit, p)}

    def _resume(self, client: Client, resume: int, stream_id: str | None) -> None:
        foreign = stream_id != self.stream_id if stream_id is not None else resume > self.stats.cursor
        if foreign:
            self.stats.resumes_refused += 1
            return
        client.resumed = True
        client.sent = resume
        if self._floor is None or resume < self._floor:
            client.history_needed, client.history_through = True, self._floor
            self.stats.resumes_from_store += 1
        else:
            self.stats.resumes_from_ring += 1
        wanted = client.subscription
        missed = (a for a in self._ring if a.cursor > resume and wanted.wants(a.unit, a.patient_id))
        client.backlog.extend(a if wanted.words else replace(a, body=wanted.shown(a.body)) for a in missed)


class _Told:
    """A batch's changes, and once somebody may not read what people wrote, the same without it."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._wordless: Changes | None = None

    def to(self, wanted: Subscription) -> Changes:
        """As this subscription may read them."""
        if wanted.words:
            return self._changes
        if self._wordless is None:
            self._wordless = self._changes.without_words()
        return self._wordless


def _part(wanted: Subscription, changes: Changes) -> dict[str, bytes]:
    """A subscription's part of a batch. Who was moved out of its sight has `left`."""
    if wanted.everything:
        return changes.states
    mine: dict[str, bytes] = {}
    for part in (changes.moved, changes.by_unit):
        for unit in wanted.units & part.keys():
            mine.update(part[unit])
    for patient_id in wanted.patients & changes.states.keys():
        for part in (changes.moved, changes.by_unit):
            for unit, bodies in part.items():
                if patient_id in bodies and wanted.wants(unit, patient_id):
                    mine[patient_id] = bodies[patient_id]
    return mine
