"""Redis pub/sub: `nightlamp.{unit}.scores` (patient and left messages) and `nightlamp.{unit}.alerts`.

Redis may be down, slow or wiped (P3): nothing here waits for it or fails with it. What waits meanwhile is bounded
(`redis_queue.py`). Alerts arrive at least once: an attempt that failed half-way is repeated; their cursor tells. A
channel that Redis refuses is tried again every `redis_retry_s_max`; the others go on.
"""

import asyncio
import contextlib

import structlog

from nightlamp.publish.census import Changes
from nightlamp.publish.limits import PublishLimits
from nightlamp.publish.redis_line import RedisLine, publish_command
from nightlamp.publish.redis_queue import Channel, RedisQueue, Waiting
from nightlamp.publish.stats import PublishStats
from nightlamp.publish.words import without_words

_log = structlog.get_logger("nightlamp.publish")
RETRY_S_MIN = 0.1


class RedisChannels:
    """Publishes what the hub tells. `hub.taps.append(channels.put)`, then run `run()` as a task."""

    def __init__(self, url: str, *, limits: PublishLimits | None = None, stats: PublishStats | None = None) -> None:
        """`url` as redis-py reads it: redis://, rediss:// or unix://."""
        self.limits = limits or PublishLimits()
        self.stats = stats or PublishStats()
        self._line = RedisLine(url, self.limits.redis_timeout_s)
        self._queue = RedisQueue(self.limits, self.stats)
        self._wake = asyncio.Event()
        self._retries: set[asyncio.TimerHandle] = set()

    def put(self, changes: Changes) -> None:
        """Queue what a batch changed. Never waits."""
        for part in (changes.moved, changes.by_unit):
            for unit, bodies in part.items():
                for patient_id, body in bodies.items():
                    self._queue.put_state(unit, patient_id, body)
        for alert in changes.alerts:
            self._queue.put_alert(alert.unit, alert.body)
        self._queue.settle()
        if self.stats.redis_waiting:
            self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        pause_s = RETRY_S_MIN
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while taken := self._queue.take(self.limits.redis_pipeline_max):
                    if await self._publish(taken):
                        pause_s = RETRY_S_MIN
                    else:
                        await asyncio.sleep(pause_s)
                        pause_s = min(pause_s * 2, self.limits.redis_retry_s_max)
        finally:
            for retry in self._retries:
                retry.cancel()
            with contextlib.suppress(Exception):
                await self._line.aclose()

    async def _publish(self, messages: list[Waiting]) -> bool:
        """One pipeline; False where it failed. What failed or was refused goes back to the front of its queue.

        What people wrote is taken out here, where the bytes for Redis are made: once a message that is sent, not for
        each state that a newer one replaces, and never while Redis is away.
        """
        try:
            commands = [publish_command(*one.channel, without_words(one.body)) for one in messages]
            async with asyncio.timeout(self.limits.redis_timeout_s):
                places = await self._line.exchange(commands)
        except Exception as error:
            # Anything: uvloop says RuntimeError of a line that was reset. What failed is tried again, whatever it was.
            self._failed(type(error).__name__)
            self._queue.put_back(messages)
            self._queue.settle()
            return False
        if places:
            self._failed("refused")
            self._queue.put_back([message for place, message in enumerate(messages) if place in places])
            for refused in {messages[place].channel for place in places}:
                self._leave_alone(refused)
        elif not self._queue.aside:
            if self.stats.redis_failures and not self.stats.redis_up:
                _log.info("Redis takes messages again", waiting=self.stats.redis_waiting)
            self.stats.redis_up = 1
        self.stats.redis_published += len(messages) - len(places)
        self._queue.settle()
        return True

    def _failed(self, reason: str) -> None:
        if self.stats.redis_up or not self.stats.redis_failures:
            _log.warning("Redis does not take every message; they wait, the newest of each kind", reason=reason)
        self.stats.redis_failures += 1
        self.stats.redis_up = 0

    def _leave_alone(self, refused: Channel) -> None:
        """Publish nothing to this channel for a while."""
        self._queue.put_aside(refused)

        def again() -> None:
            self._retries.discard(retry)
            self._queue.try_again(refused)
            self._wake.set()

        retry = asyncio.get_running_loop().call_later(self.limits.redis_retry_s_max, again)
        self._retries.add(retry)
