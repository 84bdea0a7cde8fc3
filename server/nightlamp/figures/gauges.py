"""The figures of the last 24 hours as Prometheus gauges, asked of the database every five minutes, not by scrapes.

The predictive value is that of the newest 24 hours of alerts whose time for an outcome is over: opened from
`24 h + figures.outcome_h` ago until `outcome_h` ago; no series where those are forgotten by then
(`database.alerts_keep_days`). Without an answer twice running there are no figures: a gauge that stood still would look
like a quiet ward.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from nightlamp.figures.alerts import COUNTS, Burden, burdens, kept_since
from nightlamp.observe.metrics import Labelled
from nightlamp.settings import Settings
from nightlamp.store import Reader, StoreError

_log = structlog.get_logger("nightlamp.figures")
EVERY_S, SPAN = 300.0, timedelta(hours=24)
MISSED_MAX = 2


class Gauges:
    """What was found last; nothing before the first answer."""

    def __init__(self, reader: Reader, settings: Settings) -> None:
        self._reader, self._settings, self._all = reader, settings.figures, settings
        self._found: list[Burden] = []
        self._judged: list[Burden] = []
        self._failures = self._missed = 0

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.ask(datetime.now(UTC))
            await asyncio.sleep(EVERY_S)

    async def ask(self, now: datetime) -> None:
        """Once. Without an answer the failure is counted, and the figures before stand until the second running."""
        try:
            found = await burdens(self._reader, self._settings, now - SPAN, now, now=now)
            self._judged = await self._over(now) if self._settings.outcome_units else []
            self._found, self._missed = found, 0
        except StoreError as error:
            self._failures += 1
            self._missed += 1
            if self._missed >= MISSED_MAX:
                self._found, self._judged = [], []
            _log.info("figures of alerts could not be asked for", reason=type(error).__name__)

    async def _over(self, now: datetime) -> list[Burden]:
        until = now - timedelta(hours=self._settings.outcome_h)
        since = max(until - SPAN, kept_since(self._all, now) or until - SPAN)
        return await burdens(self._reader, self._settings, since, until, now=now) if since < until else []

    def metrics(self) -> Mapping[str, Mapping[str, Any]]:
        """Nested statistics for `/metrics`; what has no value has no series."""
        found = self._found
        told: dict[str, Any] = {
            "alerts": {one.unit: one.alerts for one in found},
            "technical_alerts": {one.unit: one.technical for one in found},
            "patient_days": {one.unit: one.patient_days for one in found},
            "alerts_per_patient_day": {one.unit: one.per_patient_day for one in found},
            "acknowledged_after_median_seconds": {one.unit: one.answered(0.5) for one in found},
            "acknowledged_after_p90_seconds": {one.unit: one.answered(0.9) for one in found},
            "positive_predictive_value": {one.unit: one.ppv for one in self._judged},
        }
        told |= {f"{name}_share": {one.unit: one.share(getattr(one, name)) for one in found} for name in COUNTS}
        labelled = {
            name: Labelled(("unit",), {(unit,): value for unit, value in values.items() if value is not None})
            for name, values in told.items()
        }
        return {"alerts_24h": {**labelled, "failures_total": self._failures}}
