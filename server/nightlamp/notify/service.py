"""Everything of notifications that the application wires.

Prepared before the route begins, so that a wrong channel ends the start with its reason.
"""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from nightlamp.notify import farewell
from nightlamp.notify.address import Address
from nightlamp.notify.courier import Courier
from nightlamp.notify.delivery import Delivery
from nightlamp.notify.health import Health, Tell
from nightlamp.notify.notifier import History, Notifier
from nightlamp.notify.reach import Reach
from nightlamp.notify.record import Recorder
from nightlamp.notify.stats import NotifyStats
from nightlamp.notify.words import Words
from nightlamp.settings import Settings

_log = structlog.get_logger("nightlamp.notify")


def zone_of(name: str) -> tzinfo:
    """The site's zone; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


class Service:
    """The channels of the settings, usable; and, once begun, what delivers to them."""

    def __init__(self, settings: Settings) -> None:
        """Reads every channel's URL and asks apprise for it: blocks for about a second where there is a channel.

        Raises ConfigurationError.
        """
        self._settings = settings
        self.stats = NotifyStats()
        self.reach = Reach(settings.notify.routes)
        self._addresses = [(one, Address(one, settings.notify.attempt_s_max)) for one in settings.notify.channels]
        self._recorder: Recorder | None = None
        self._couriers: dict[str, Courier] = {}

    def begin(self, database_url: str, history: History, tell: Tell | None = None) -> Notifier | None:
        """What is to be tapped and run; None where nothing is to be sent. `tell` is told of dead channels."""
        settings = self._settings.notify
        if not settings.channels or not settings.routes:
            return None
        routed = {name for route in settings.routes for name in route.channels}
        if self._settings.decode.recorded_time:
            _log.warning("a recording is replayed: nobody is notified of its alerts")
            return None
        self._recorder = Recorder(database_url, self.stats)
        zone = zone_of(self._settings.site.timezone)
        health, deliveries = Health(tell), []
        for channel, address in self._addresses:
            if channel.name not in routed:
                continue
            courier = self._couriers[channel.name] = Courier(channel.name, address, settings.attempt_s_max)
            words = Words(channel.template or settings.template, zone, settings.console_url)
            deliveries.append(Delivery(channel, settings, courier, words, self.stats, self._recorder.note, health.put))
        return Notifier(settings, deliveries, self._recorder, history, health, self.stats, tell)

    async def farewell(self, database_url: str, tell: Tell) -> None:
        """Where nothing is to be sent: ends the alerts about the channels of an earlier run, then is done."""
        if self._settings.decode.recorded_time:
            return
        recorder = Recorder(database_url, self.stats)
        try:
            await farewell.bid(recorder, tell, ())
        finally:
            await recorder.close()

    @property
    def dead(self) -> list[str]:
        """Names of the channels that deliver nothing."""
        return [name for name, one in self.stats.channels.items() if one.dead or one.broken]

    def listing(self) -> list[dict[str, Any]]:
        """Each channel and how it fares, without its address."""
        return [
            {
                "name": channel.name,
                "service": address.service,
                "state": self._state(channel.name),
                **self._figures(channel.name),
                "routes": sum(channel.name in route.channels for route in self._settings.notify.routes),
            }
            for channel, address in self._addresses
        ]

    def _state(self, name: str) -> str:
        one = self.stats.channels.get(name)
        if one is None:
            return "unused"
        return "dead" if one.dead or one.broken else "failing" if one.failures_in_row else "ok"

    def _figures(self, name: str) -> dict[str, Any]:
        one = self.stats.channels.get(name)
        courier = self._couriers.get(name)
        return {
            "waiting": one.waiting if one else 0,
            "hanging": courier.hanging if courier else 0,
            "queued": one.queued if one else 0,
            "outcomes": dict(one.outcomes) if one else {},
            "failures_in_row": one.failures_in_row if one else 0,
            "restarts": one.restarts if one else 0,
            "error": one.error if one else "",
            "delivered_at_ms": one.delivered_at_ms if one else None,
            "failed_at_ms": one.failed_at_ms if one else None,
        }

    async def of_alert(self, alert_id: int) -> Sequence[dict[str, Any]]:
        """Every message about an alert, in order. Raises where the database cannot answer."""
        return await self._recorder.of_alert(alert_id) if self._recorder else []
