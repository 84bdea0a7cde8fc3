"""Feeds as the operations page shows them: each door and broker with its messages, their rate and when the last came.

The doors only count; here the counts are looked at every second, so "last" is right to a second and the hot path knows
nothing of it. Limits: 64 feeds, rates over the last minute (61 readings).
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nightlamp.receive.door import DoorCounts

LOOK_EVERY_S, READINGS_MAX, FEEDS_MAX = 1.0, 61, 64


@dataclass(frozen=True, slots=True)
class Count:
    """What a feed has counted. `connections`: open ones, None where there is no such thing. `up`: False is broken."""

    title: str
    messages: int
    refused: int
    connections: int | None = None
    up: bool = True


Counts = Callable[[], Mapping[str, Count]]


@dataclass(slots=True)
class _Watched:
    count: Count
    last_at_s: float | None = None
    #: (monotonic time, messages), oldest first.
    readings: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=READINGS_MAX))


class Feeds:
    """The feeds of a server since its start."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._feeds: dict[str, _Watched] = {}

    async def watch(self) -> None:
        """Look every second, until cancelled."""
        while True:
            self.look(time.monotonic(), time.time())
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self, now_s: float, clock_s: float) -> None:
        """Take one reading: `now_s` is monotonic, `clock_s` the time of day."""
        for name, count in list(self._counts().items())[:FEEDS_MAX]:
            watched = self._feeds.setdefault(name, _Watched(count))
            before = watched.readings[-1][1] if watched.readings else 0
            if count.messages > before:
                watched.last_at_s = clock_s
            watched.count = count
            watched.readings.append((now_s, count.messages))

    def told(self) -> list[dict[str, Any]]:
        """Each feed; `rate_per_s` is null before two readings, `last_at_ms` before the first message."""
        return [
            {
                "name": name,
                "title": watched.count.title,
                "messages": watched.count.messages,
                "refused": watched.count.refused,
                "connections": watched.count.connections,
                "up": watched.count.up,
                "rate_per_s": _rate(watched.readings),
                "last_at_ms": None if watched.last_at_s is None else round(watched.last_at_s * 1_000),
            }
            for name, watched in self._feeds.items()
        ]


def feed_counts(stats: Callable[[], bytes], doors: DoorCounts) -> dict[str, Count]:
    """The counts of every door: HTTP from Python, the MQTT listener and brokers from the engine."""
    receive = json.loads(stats())["receive"]
    titles = {"hl7_http": "HL7 v2 over HTTP", "json_http": "Device JSON over HTTP"}
    found = {
        name: Count(title, doors.messages[name], max(0, doors.messages[name] - doors.accepted[name]))
        for name, title in titles.items()
    }
    if (listener := receive["mqtt_listener"]) is not None:
        open_now = int(listener["connections"]["open"])
        found["mqtt"] = Count("Monitors over MQTT", *_inlet(listener), connections=open_now)
    for place, broker in enumerate(receive["mqtt_brokers"]):
        up = bool(broker["connected"])
        found[f"mqtt_broker_{place}"] = Count(f"MQTT broker {place + 1}", *_inlet(broker), int(up), up)
    return found


def _inlet(door: Mapping[str, Any]) -> tuple[int, int]:
    """Publishes journalled, and refused for whatever reason."""
    inlet = door["inlet"]
    taken = sum(int(inlet[name]) for name in inlet if name.startswith("journalled_"))
    return taken, sum(int(inlet[name]) for name in inlet if name.startswith("refused_"))


def _rate(readings: deque[tuple[float, int]]) -> float | None:
    if len(readings) < 2:
        return None
    (began_s, first), (ended_s, last) = readings[0], readings[-1]
    return (last - first) / (ended_s - began_s) if ended_s > began_s else None
