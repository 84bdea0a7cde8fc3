"""A chain that calls somebody who may not answer is told by everything that checks a policy."""

import pytest

from nightlamp._core import Scorers
from nightlamp.policy.chains import chains, unanswerable
from nightlamp.policy.checking import check, default_text

WATCHED = "[technical]\nmonitor_silent_s = 300\n"


def _chain(severity: str, *roles: str, units: str = "") -> str:
    steps = ", ".join(f'{{ after_s = {60 * n}, to = "{role}" }}' for n, role in enumerate(roles, 1))
    return f'[[escalation]]\nseverity = "{severity}"\n{units}steps = [{steps}]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_chain("high", "charge_nurse", "physician", "admin"), []),
        (_chain("high", "charge_nurse", "sre"), ["the chain for high alerts calls sre, who may not answer them"]),
        (
            _chain("medium", "data_scientist", units='units = ["ICU"]\n'),
            ["the chain for medium alerts in ICU calls data_scientist, who may not answer them"],
        ),
        (_chain("technical", "charge_nurse", "sre") + WATCHED, []),
        (_chain("technical", "sre") + "[technical]\nfeed_silent_s = 900\n", []),
        (
            _chain("technical", "sre") + WATCHED,
            [
                "nobody whom the chain for technical alerts calls may answer monitor-silent, which are about patients",
            ],
        ),
    ],
)
def test_a_call_that_nobody_may_answer_is_told(text: str, told: list[str]) -> None:
    assert unanswerable(text) == told
    assert check(text, Scorers([])).notes == told


def test_every_call_of_the_policy_nightlamp_carries_may_be_answered() -> None:
    assert len(chains(default_text())) == 3
    assert unanswerable(default_text()) == []


@pytest.mark.parametrize("text", ["no = toml = at all", "escalation = 7", '[[escalation]]\nseverity = "high"'])
def test_what_is_no_policy_has_no_chains(text: str) -> None:
    assert chains(text) == []
