"""Whom a chain of the policy calls and no route reaches: said in the log at a start and with every new policy.

The policy in force is looked at every `LOOK_S`, however it came there. A route reaches a role where it takes the step
`escalated` of that severity to that role; of a chain for everywhere one in any unit will do, but of technical alerts it
must take those of no unit.
"""

import asyncio
import json
from collections.abc import Callable, Sequence

import structlog

from nightlamp.policy.chains import TECHNICAL, Chain, chains
from nightlamp.settings import Route

_log = structlog.get_logger("nightlamp.notify")
LOOK_S = 5.0


def unreached(routes: Sequence[Route], policy: str) -> list[str]:
    """In words, each once."""
    told = [
        f"no route takes the call of {role} for {chain.severity} alerts{where}"
        for chain in chains(policy)
        for role in chain.roles
        for where in _missing(routes, chain, role)
    ]
    return list(dict.fromkeys(told))


def _missing(routes: Sequence[Route], chain: Chain, role: str) -> list[str]:
    """Where this call of a chain reaches nobody, as the end of a sentence."""
    taking = [
        route
        for route in routes
        if chain.severity in route.severities and "escalated" in route.kinds and route.role in ("", role)
    ]
    if any(not route.units for route in taking):
        return []
    if chain.units:
        return [f" of {unit}" for unit in chain.units if not any(unit in route.units for route in taking)]
    if not taking:
        return [""]
    return [" that are in no unit (a feed, a channel)"] if chain.severity == TECHNICAL else []


class Reach:
    """Looks at the policy in force; `unreached` is what was found last."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self._seen: str | None = None
        self.unreached: list[str] = []

    async def watch(self, policy: Callable[[], bytes | None]) -> None:
        """Look until cancelled; `policy`: `_core.Engine.policy`."""
        while True:
            if (shown := policy()) is not None:
                self.look(json.loads(shown))
            await asyncio.sleep(LOOK_S)

    def look(self, policy: dict[str, str]) -> None:
        """At a policy with `sha256` and `text`; said once of each."""
        if policy["sha256"] == self._seen:
            return
        self._seen = policy["sha256"]
        self.unreached = unreached(self._routes, policy["text"])
        for one in self.unreached:
            _log.warning("a chain of the alert policy calls somebody whom no notification reaches", what=one)
