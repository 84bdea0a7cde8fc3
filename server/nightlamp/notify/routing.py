"""Which channels a step goes to: each at most once, in the order of the settings."""

from collections.abc import Sequence

from nightlamp.notify.event import Step
from nightlamp.settings import Route

#: The rule of the alert about a channel that delivers nothing (docs/messages.md); its subject is the channel.
DEAD_RULE = "channel-dead"


def matches(route: Route, step: Step) -> bool:
    """Whether a route wants a step."""
    if step.severity not in route.severities or step.kind not in route.kinds:
        return False
    if route.units and (step.unit or "") not in route.units:
        return False
    return not (route.role and step.to and step.to != route.role)


def channels(routes: Sequence[Route], step: Step) -> list[str]:
    """Names of the channels that a step goes to."""
    if step.held:
        return []
    wanted = dict.fromkeys(name for route in routes if matches(route, step) for name in route.channels)
    if step.rule == DEAD_RULE:
        wanted.pop(step.subject or "", None)  # nobody learns of a dead channel through it
    return list(wanted)
