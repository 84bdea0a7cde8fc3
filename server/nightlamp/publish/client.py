"""What waits for one WebSocket client. Bounded: one state per patient, `client_alerts_max` alerts. Who keeps up has
nothing waiting here: it is in a feed (`feed.py`), and comes back here when it no longer reads fast enough.

Patient states are conflated: a newer one replaces the one that waits. Alerts are never dropped: a client with too many
is closed with 1013 and resumes by its cursor. Alerts leave in the order of their cursors, each once: `sent` only grows.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nightlamp.publish.census import AlertEntry, StoredAlert
from nightlamp.publish.stats import PublishStats
from nightlamp.publish.words import without_words

if TYPE_CHECKING:
    from nightlamp.publish.feed import Feed

CLOSE_SLOW = 1013


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which patients a client wants: all, those in some units, and single ones; never more than `scope` allows."""

    everything: bool = False
    units: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()
    scope: frozenset[str] | None = None
    """The units the credential may see; None is all of them."""
    words: bool = True
    """Whether the credential may read what people wrote; else notes are blank."""

    def within(self, scope: frozenset[str] | None, *, words: bool = True) -> "Subscription":
        """The same wish, held to what a credential may see."""
        if scope is None:
            return replace(self, words=words)
        units = scope if self.everything else self.units & scope
        return Subscription(everything=False, units=units, patients=self.patients, scope=scope, words=words)

    def shown(self, body: bytes) -> bytes:
        """A message as this credential may read it."""
        return body if self.words else without_words(body)

    def wants(self, unit: str, patient_id: str) -> bool:
        """Whether a patient in this unit belongs to the subscription.

        An alert about no patient and in no unit (a feed, a channel) goes to everybody who watches any unit.
        """
        if not unit and not patient_id:
            return self.everything or bool(self.units)
        if self.everything or unit in self.units:
            return True
        return patient_id in self.patients and (self.scope is None or unit in self.scope)


@dataclass(eq=False, slots=True)
class Client:
    """One subscriber's queues. The hub puts, one writer takes; both in the same event loop."""

    subscription: Subscription
    alerts_max: int
    sent: int
    """Every alert at or below this cursor has been taken, or is not for this client."""
    stats: PublishStats
    resumed: bool = False
    backlog: deque[AlertEntry] = field(default_factory=deque)
    """From the ring, for a resuming client: bounded by the ring."""
    history_through: int | None = None
    """Alerts after `sent` up to this cursor must come from the store first; None where none must."""
    history_needed: bool = False
    closing: tuple[int, str] | None = None
    """Close code and reason once the client must go."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    urgent: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when an alert waits, or the client must go."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with `closing`: a writer that waits for a stalled socket is not waited for."""
    feed: "Feed | None" = None
    """Where it is written to together with others; nothing waits here meanwhile."""
    _alerts: deque[AlertEntry] = field(default_factory=deque)
    _pending: dict[str, bytes] = field(default_factory=dict)
    _taking: Iterator[tuple[str, bytes]] | None = None

    @property
    def idle(self) -> bool:
        """Nothing waits."""
        return not (self._pending or self._alerts or self.backlog or self._taking is not None)

    @property
    def alerts_idle(self) -> bool:
        """No alert waits: the client has seen every alert offered so far."""
        return not (self._alerts or self.backlog or self.history_needed)

    def put_patients(self, states: dict[str, bytes]) -> None:
        """Newest state (or `left`) per patient; one that waits is replaced."""
        if states and self.closing is None:
            before = len(self._pending) + len(states)
            self._pending.update(states)
            self.stats.patients_conflated += before - len(self._pending)
            self.wake.set()

    def put_alert(self, entry: AlertEntry) -> None:
        """An alert it wants; one too many gives the client up."""
        if entry.cursor <= self.sent or self.closing is not None:
            return
        if len(self._alerts) >= self.alerts_max:
            self.stats.clients_closed_slow += 1
            self.close(CLOSE_SLOW, "too many unread alerts; resume by cursor")
            return
        self._alerts.append(entry)
        self.wake.set()
        self.urgent.set()

    def leave_feed(self) -> None:
        """Be put everything again; the writer wakes."""
        feed, self.feed = self.feed, None
        if feed is not None:
            feed.leave(self)
            self.wake.set()

    def resubscribe(self, subscription: Subscription, states: dict[str, bytes]) -> None:
        """Another choice of patients, and their snapshot."""
        self.leave_feed()
        self.subscription = subscription
        self._taking = None
        self._pending = dict(states)
        self.wake.set()

    def close(self, code: int, reason: str) -> None:
        """Ask the writer to close; the queues are let go at once."""
        self.leave_feed()
        if self.closing is None:
            self.closing = (code, reason)
        self.backlog.clear()
        self._alerts.clear()
        self._pending.clear()
        self._taking = None
        self.wake.set()
        self.urgent.set()
        self.closed.set()

    def fresh(self, entries: Iterable[StoredAlert]) -> list[StoredAlert]:
        """Those of a history page that this client wants and has not seen; marks them as sent."""
        chosen = []
        for entry in entries:
            if entry.cursor > self.sent:
                self.sent = entry.cursor
                if self.subscription.wants(entry.unit, entry.patient_id):
                    chosen.append(entry)
        return chosen

    def take(self, bytes_target: int) -> list[bytes]:
        """The next messages, alerts first, until they hold `bytes_target` bytes; empty when nothing waits."""
        taken: list[bytes] = []
        size = 0
        for queue in (self.backlog, self._alerts):
            while queue and size < bytes_target:
                entry = queue.popleft()
                if entry.cursor > self.sent:
                    self.sent = entry.cursor
                    taken.append(entry.body)
                    size += len(entry.body)
            if queue:
                return taken
        while size < bytes_target:
            if self._taking is None:
                if not self._pending:
                    break
                self._taking, self._pending = iter(self._pending.items()), {}
            patient_id, body = next(self._taking, (None, b""))
            if patient_id is None:
                self._taking = None
            elif patient_id in self._pending:
                self.stats.patients_conflated += 1
            else:
                taken.append(body)
                size += len(body)
        return taken
