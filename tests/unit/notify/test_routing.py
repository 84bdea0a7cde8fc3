"""Who is told: by severity, kind, unit and role; each channel once; what is held, nobody."""

import json
from typing import Any

import pytest
from alert_steps import step

from nightlamp.notify.event import Step, step_of
from nightlamp.notify.routing import channels
from nightlamp.settings import Route


def _step(**more: Any) -> Step:
    return step_of(json.dumps(step(**more)).encode())


NURSES = Route(channels=["ward", "pager"], units=["ICU-1"])
PHYSICIANS = Route(channels=["pager", "mail"], role="physician", kinds=["escalated", "reminded"])
HOUSE = Route(channels=["it"], severities=["technical", "high"], kinds=["opened", "cleared"])
ROUTES = [NURSES, PHYSICIANS, HOUSE]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, ["ward", "pager", "it"]),
        ({"unit": "ICU-2"}, ["it"]),
        ({"unit": "", "bed": ""}, ["it"]),
        ({"severity": "medium"}, []),
        ({"kind": "acknowledged"}, []),
        ({"kind": "unsnoozed"}, ["ward", "pager"]),
        ({"kind": "cleared"}, ["it"]),
        ({"kind": "escalated", "to": "physician"}, ["ward", "pager", "mail"]),
        ({"kind": "escalated", "to": "charge_nurse"}, ["ward", "pager"]),
        ({"kind": "escalated", "to": "physician", "unit": "ICU-2"}, ["pager", "mail"]),
        ({"held": True}, []),
        ({"severity": "technical", "rule": "channel-dead", "subject": "mail"}, ["it"]),
    ],
)
def test_a_step_goes_to_the_channels_of_every_route_that_wants_it_once(more: dict[str, Any], told: list[str]) -> None:
    assert channels(ROUTES, _step(**more)) == told


def test_a_dead_channel_is_not_told_of_itself() -> None:
    dead = _step(severity="technical", rule="channel-dead", subject="it")
    assert channels(ROUTES, dead) == []
