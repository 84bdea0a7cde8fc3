"""Redis pub/sub: `nightlamp.{unit}.scores` (patient and left messages) and `nightlamp.{unit}.alerts`.

Redis may be down, slow or wiped (P3): nothing here waits for it or fails with it. While it is away, patient states are
conflated per unit and patient (`redis_patients_max`); alerts wait in order up to `redis_alerts_max`, then the oldest
is dropped and counted. Alerts arrive at least once: an attempt that failed half-way is repeated; their cursor tells.
"""

import asyncio
import contextlib
from collections import deque

import structlog
from redis.exceptions import RedisError

from nightlamp.publish.census import Changes
from nightlamp.publish.limits import PublishLimits
from nightlamp.publish.redis_line import RedisLine, publish_command
from nightlamp.publish.stats import PublishStats

_log = structlog.get_logger("nightlamp.publish")
RETRY_S_MIN = 0.1


class RedisChannels:
    """Publishes what the hub tells. `hub.taps.append(channels.put)`, then run `run()` as a task."""

    def __init__(self, url: str, *, limits: PublishLimits | None = None, stats: PublishStats | None = None) -> None:
        """`url` as redis-py reads it: redis://, rediss:// or unix://."""
        self.limits = limits or PublishLimits()
        self.stats = stats or PublishStats()
        self._line = RedisLine(url, self.limits.redis_timeout_s)
        self._alerts: deque[bytes] = deque()
        self._patients: dict[tuple[str, str], bytes] = {}
        self._wake = asyncio.Event()

    def put(self, changes: Changes) -> None:
        """Queue what a batch changed. Never waits."""
        for part in (changes.moved, changes.by_unit):
            for unit, bodies in part.items():
                for patient_id, body in bodies.items():
                    self._put_patient((unit, patient_id), body)
        for alert in changes.alerts:
            self._alerts.append(publish_command(alert.unit, "alerts", alert.body))
        self._settle()
        if self.stats.redis_waiting:
            self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        pause_s = RETRY_S_MIN
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self.stats.redis_waiting:
                    if await self._publish_some():
                        pause_s = RETRY_S_MIN
                    else:
                        await asyncio.sleep(pause_s)
                        pause_s = min(pause_s * 2, self.limits.redis_retry_s_max)
        finally:
            with contextlib.suppress(RedisError, OSError, RuntimeError):
                await self._line.aclose()

    async def _publish_some(self) -> bool:
        """One pipeline: alerts first. What fails goes back to the front of its queue."""
        room = self.limits.redis_pipeline_max
        alerts = [self._alerts.popleft() for _ in range(min(room, len(self._alerts)))]
        keys = [key for key, _ in zip(self._patients, range(room - len(alerts)), strict=False)]
        patients = {key: self._patients.pop(key) for key in keys}
        try:
            states = [publish_command(unit, "scores", body) for (unit, _), body in patients.items()]
            async with asyncio.timeout(self.limits.redis_timeout_s):
                await self._line.exchange(alerts + states)
        except Exception as error:
            # Anything: uvloop says RuntimeError of a line that was reset. What failed is tried again, whatever it was.
            if self.stats.redis_up or not self.stats.redis_failures:
                _log.warning("Redis takes no messages; they wait, the newest of each kind", reason=type(error).__name__)
            self.stats.redis_failures += 1
            self.stats.redis_up = 0
            self._alerts.extendleft(reversed(alerts))
            for key, body in patients.items():
                if key in self._patients:
                    self.stats.redis_patients_conflated += 1
                else:
                    self._put_patient(key, body)
            self._settle()
            return False
        if self.stats.redis_failures and not self.stats.redis_up:
            _log.info("Redis takes messages again", waiting=self.stats.redis_waiting)
        self.stats.redis_up = 1
        self.stats.redis_published += len(alerts) + len(patients)
        self._settle()
        return True

    def _put_patient(self, key: tuple[str, str], body: bytes) -> None:
        if key in self._patients:
            self.stats.redis_patients_conflated += 1
        elif len(self._patients) >= self.limits.redis_patients_max:
            self.stats.redis_patients_dropped += 1
            return
        self._patients[key] = body

    def _settle(self) -> None:
        """Hold the alert queue to its limit and tell the gauge."""
        while len(self._alerts) > self.limits.redis_alerts_max:
            self._alerts.popleft()
            self.stats.redis_alerts_dropped += 1
        self.stats.redis_waiting = len(self._alerts) + len(self._patients)
