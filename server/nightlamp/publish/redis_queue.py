"""What waits for Redis, within limits (P5): alerts in order, of each patient and unit the newest state.

A channel that Redis refuses (its access list, say) is put aside with what waits for it, in order, and takes what comes
for it, until it is tried again: nothing of the other channels waits behind it. Beyond `redis_alerts_max` the longest
queue loses its oldest alert; beyond `redis_patients_max` states of further patients are dropped. Both are counted.
"""

from collections import deque
from collections.abc import Sequence
from typing import Literal, NamedTuple

from nightlamp.publish.limits import PublishLimits
from nightlamp.publish.stats import PublishStats

Channel = tuple[str, Literal["alerts", "scores"]]
"""Unit and topic."""


class Waiting(NamedTuple):
    """A message for one channel; `patient_id` of a state, which a newer one replaces."""

    channel: Channel
    patient_id: str
    body: bytes


class RedisQueue:
    """The two queues, and those put aside."""

    def __init__(self, limits: PublishLimits, stats: PublishStats) -> None:
        self._limits, self._stats = limits, stats
        self._alerts: deque[Waiting] = deque()
        self._states: dict[tuple[str, str], Waiting] = {}
        self._alerts_aside: dict[str, deque[Waiting]] = {}
        self._states_aside: dict[str, dict[tuple[str, str], Waiting]] = {}

    @property
    def aside(self) -> set[Channel]:
        """Channels that are not to be tried."""
        alerts: set[Channel] = {(unit, "alerts") for unit in self._alerts_aside}
        return alerts | {(unit, "scores") for unit in self._states_aside}

    def put_alert(self, unit: str, body: bytes) -> None:
        """At the end."""
        self._alerts_aside.get(unit, self._alerts).append(Waiting((unit, "alerts"), "", body))

    def put_state(self, unit: str, patient_id: str, body: bytes) -> None:
        """In the place of an older one of the same patient and unit."""
        self._put_state(Waiting((unit, "scores"), patient_id, body), newer=True)

    def take(self, room: int) -> list[Waiting]:
        """What goes next, alerts first, at most `room`; `put_back` brings it back."""
        taken = [self._alerts.popleft() for _ in range(min(room, len(self._alerts)))]
        keys = [key for key, _ in zip(self._states, range(room - len(taken)), strict=False)]
        return taken + [self._states.pop(key) for key in keys]

    def put_back(self, messages: Sequence[Waiting]) -> None:
        """In front of what has come since; a state for which a newer one waits is dropped."""
        for message in reversed(messages):
            unit, topic = message.channel
            if topic == "alerts":
                self._alerts_aside.get(unit, self._alerts).appendleft(message)
            else:
                self._put_state(message, newer=False)

    def put_aside(self, channel: Channel) -> None:
        """Not to be tried, until `try_again`."""
        unit, topic = channel
        if topic == "alerts":
            self._alerts_aside[unit] = deque(one for one in self._alerts if one.channel == channel)
            self._alerts = deque(one for one in self._alerts if one.channel != channel)
        else:
            self._states_aside[unit] = {key: one for key, one in self._states.items() if key[0] == unit}
            for key in self._states_aside[unit]:
                del self._states[key]

    def try_again(self, channel: Channel) -> None:
        """What was put aside comes first."""
        unit, topic = channel
        if topic == "alerts":
            self._alerts.extendleft(reversed(self._alerts_aside.pop(unit)))
        else:
            self._states = self._states_aside.pop(unit) | self._states

    def settle(self) -> None:
        """Hold the alerts to their limit and tell the gauge."""
        queues = [self._alerts, *self._alerts_aside.values()]
        alerts = sum(map(len, queues))
        while alerts > self._limits.redis_alerts_max:
            max(queues, key=len).popleft()
            self._stats.redis_alerts_dropped += 1
            alerts -= 1
        self._stats.redis_waiting = alerts + self._state_count()

    def _state_count(self) -> int:
        return len(self._states) + sum(map(len, self._states_aside.values()))

    def _put_state(self, message: Waiting, *, newer: bool) -> None:
        unit = message.channel[0]
        states, key = self._states_aside.get(unit, self._states), (unit, message.patient_id)
        if key in states:
            self._stats.redis_patients_conflated += 1
            if not newer:
                return
        elif self._state_count() >= self._limits.redis_patients_max:
            self._stats.redis_patients_dropped += 1
            return
        states[key] = message
