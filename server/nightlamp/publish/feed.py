"""Consoles with one subscription that have seen everything so far: what is new is framed once and written to each.

Who does not read fast enough leaves the feed at once, with what it has not been given, and is written to by its own
task (`writer.py`) until it has caught up: it costs nobody else anything. Alerts leave with the batch that brings them.
States do too, unless writing to the feeds would take more than a quarter of the event loop's time: after a write that
took t, states wait 3 t, at most `patient_gap_s`, and only the newest of each patient is sent.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from nightlamp.publish.census import AlertEntry
from nightlamp.publish.client import Client, Subscription
from nightlamp.publish.frame import frames
from nightlamp.publish.limits import PublishLimits
from nightlamp.publish.line import Line
from nightlamp.publish.stats import PublishStats

#: Pause after a write, in times that it took.
PAUSES = 3.0


class Feed:
    """One subscription and the consoles that keep up. Bounded: one state a patient, alerts leave at once."""

    def __init__(
        self, subscription: Subscription, limits: PublishLimits, stats: PublishStats, left: Callable[["Feed"], None]
    ) -> None:
        """`left` is told when nobody is in it any more."""
        self.subscription, self._limits, self._stats, self._left = subscription, limits, stats, left
        self._lines: dict[Client, Line] = {}
        self._pending: dict[str, bytes] = {}
        #: A write whose cost is not known yet, or the end of the pause after it.
        self._settling: asyncio.Handle | None = None
        self._pause: asyncio.TimerHandle | None = None

    def join(self, client: Client, line: Line) -> None:
        """From here on, instead of what the client is put."""
        self._lines[client] = line

    def leave(self, client: Client) -> None:
        """The client is put everything again, from here on, and the states that wait here."""
        if self._lines.pop(client, None) is not None and self._pending:
            client.put_patients(self._pending)
        if not self._lines:
            self._pending.clear()
            self._left(self)

    def put(self, states: dict[str, bytes], alerts: Sequence[AlertEntry]) -> None:
        """A batch's part for this subscription. Never waits."""
        before = len(self._pending) + len(states)
        self._pending.update(states)
        self._stats.patients_conflated += (before - len(self._pending)) * len(self._lines)
        if alerts or (self._pending and self._settling is None and self._pause is None):
            self._write(alerts)

    def _write(self, alerts: Sequence[AlertEntry] = ()) -> None:
        """Everything that waits, to everybody."""
        began = time.perf_counter()
        states, self._pending = self._pending, {}
        made = frames([*(alert.body for alert in alerts), *states.values()], self._limits.write_bytes_target)
        data, stats, written = b"".join(made), self._stats, 0
        for client, line in list(self._lines.items()):
            # Alerts a client has seen before (of a journal that is replayed) are told apart by its own queue.
            if line.has_room and not (alerts and alerts[0].cursor <= client.sent):
                line.write_frames(data)
                written += 1
                if alerts:
                    client.sent = alerts[-1].cursor
            else:
                del self._lines[client]
                client.leave_feed()
                client.put_patients(states)
                for alert in alerts:
                    client.put_alert(alert)
        stats.stream_writes += written * len(made)
        stats.stream_bytes += written * len(data)
        stats.stream_messages += written * (len(alerts) + len(states))
        if self._settling is None:
            # After this turn of the loop, in which the bytes go to the sockets.
            self._settling = asyncio.get_running_loop().call_soon(self._settled, began)

    def _settled(self, began: float) -> None:
        self._settling = None
        pause_s = min(PAUSES * (time.perf_counter() - began), self._limits.patient_gap_s)
        if self._pause is None:
            self._pause = asyncio.get_running_loop().call_later(pause_s, self._paused)

    def _paused(self) -> None:
        self._pause = None
        if self._pending and self._lines:
            self._write()
