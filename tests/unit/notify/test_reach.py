"""Whom a chain calls and no route reaches is told: at a start and with every new policy, once."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from nightlamp.notify.reach import Reach, unreached
from nightlamp.settings import Route


def _chain(severity: str, *roles: str, units: str = "") -> str:
    steps = ", ".join(f'{{ after_s = {60 * n}, to = "{role}" }}' for n, role in enumerate(roles, 1))
    return f'[[escalation]]\nseverity = "{severity}"\n{units}steps = [{steps}]\n'


def _route(**more: Any) -> Route:
    return Route(channels=["pager"], **more)


HIGH = _chain("high", "charge_nurse", "physician")
NO_UNIT = " that are in no unit (a feed, a channel)"


@pytest.mark.parametrize(
    ("policy", "routes", "told"),
    [
        (HIGH, [_route()], []),
        (HIGH, [_route(role="physician")], ["no route takes the call of charge_nurse for high alerts"]),
        (HIGH, [_route(severities=["medium"]), _route(kinds=["opened"])], ["charge_nurse", "physician"]),
        (HIGH, [_route(units=["ICU"])], []),
        (_chain("high", "nurse", units='units = ["ICU", "ward"]\n'), [_route(units=["ICU"])], [" of ward"]),
        (_chain("technical", "sre"), [_route(severities=["technical"], role="sre")], []),
        (_chain("technical", "sre"), [_route(severities=["technical"], units=["ICU"])], [NO_UNIT]),
        (_chain("technical", "sre"), [_route(severities=["technical"], role="admin")], ["sre"]),
    ],
)
def test_a_call_that_no_route_takes_is_told(policy: str, routes: list[Route], told: list[str]) -> None:
    found = unreached(routes, policy)
    assert len(found) == len(told)
    assert all(part in one for part, one in zip(told, found, strict=True)), found


def test_every_policy_that_comes_into_force_is_looked_at_once() -> None:
    reach = Reach([_route(role="physician")])
    with capture_logs() as heard:
        for _ in range(3):
            reach.look({"sha256": "a", "text": HIGH})
        assert reach.unreached == ["no route takes the call of charge_nurse for high alerts"]
        reach.look({"sha256": "b", "text": _chain("high", "physician")})
        assert reach.unreached == []
        reach.look({"sha256": "c", "text": _chain("high", "nurse")})
    assert [(one["log_level"], one["what"].split(" for ")[0]) for one in heard] == [
        ("warning", "no route takes the call of charge_nurse"),
        ("warning", "no route takes the call of nurse"),
    ]
