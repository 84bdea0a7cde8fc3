"""What notifications count. Every message that was queued ends under exactly one outcome, or still waits (P4).

queued = delivered + failed + expired + dropped + repeated + waiting, for each channel
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nightlamp.observe.metrics import Buckets, Labelled

#: Taken by the service; given up after `attempts_max`; older than `age_s_max`; no room; overtaken by a later step;
#: delivered by an earlier run.
OUTCOMES = ("delivered", "failed", "expired", "dropped", "superseded", "repeated")
EDGES_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1_800.0)


@dataclass(slots=True)
class ChannelStats:
    """One channel's figures."""

    queued: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    """By error class; `ok` where the service took the message."""
    waiting: int = 0
    """Queued or under way."""
    dead: bool = False
    failures_in_row: int = 0
    delivered_at_ms: int | None = None
    failed_at_ms: int | None = None
    error: str = ""
    """Class of the newest failure since the last delivery."""
    broken: bool = False
    """Its delivery itself failed and pauses before it begins again."""
    restarts: int = 0
    """How often it did."""


@dataclass(slots=True)
class NotifyStats:
    """All of it."""

    channels: dict[str, ChannelStats] = field(default_factory=dict)
    steps: int = 0
    """Alert messages seen."""
    steps_unrouted: int = 0
    """Of them no route wanted."""
    steps_held: int = 0
    """Of them held by a storm cap or quiet hours."""
    steps_repeated: int = 0
    """(message, channel) pairs offered again by a replay after a restart, and known."""
    steps_unreadable: int = 0
    """Not as docs/messages.md says: nothing could be sent of them."""
    records_waiting: int = 0
    records_dropped: int = 0
    """Outcomes not written because the database was away for too long: a restart may send these messages again."""
    record_failures: int = 0
    parts_restarted: int = 0
    """Recording or the telling of dead channels failed and began again."""
    recovered: int = 0
    """Messages that an earlier run had not delivered."""
    delays: list[int] = field(default_factory=lambda: [0] * (len(EDGES_S) + 1))
    delay_s_sum: float = 0.0

    def delivered_after(self, seconds: float) -> None:
        """A message was taken so long after its step."""
        self.delays[sum(seconds > edge for edge in EDGES_S)] += 1
        self.delay_s_sum += seconds

    def metrics(self) -> Mapping[str, Mapping[str, Any]]:
        """Nested statistics for `/metrics`."""
        each = self.channels.items()
        outcomes = {(name, outcome): one.outcomes[outcome] for name, one in each for outcome in OUTCOMES}
        attempts = {(name, end): count for name, one in each for end, count in one.attempts.items()}
        return {
            "notify": {
                "messages_queued_total": Labelled(("channel",), {(name,): one.queued for name, one in each}),
                "messages_total": Labelled(("channel", "outcome"), outcomes),
                "messages_waiting": Labelled(("channel",), {(name,): one.waiting for name, one in each}),
                "attempts_total": Labelled(("channel", "end"), attempts),
                "channel_dead": Labelled(("channel",), {(name,): int(one.dead) for name, one in each}),
                "channel_restarts_total": Labelled(("channel",), {(name,): one.restarts for name, one in each}),
                "delivery_seconds": Buckets(EDGES_S, self.delays, self.delay_s_sum),
                "steps_total": self.steps,
                "steps_unrouted_total": self.steps_unrouted,
                "steps_held_total": self.steps_held,
                "steps_repeated_total": self.steps_repeated,
                "steps_unreadable_total": self.steps_unreadable,
                "recovered_total": self.recovered,
                "parts_restarted_total": self.parts_restarted,
                "records_waiting": self.records_waiting,
                "records_dropped_total": self.records_dropped,
                "record_failures_total": self.record_failures,
            }
        }
