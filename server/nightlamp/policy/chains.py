"""The chains of a policy: whom they call, and whether those may answer.

Of a text the engine has taken; of any other there are none.
"""

import tomllib
from dataclasses import dataclass
from typing import Any

from nightlamp.identity.roles import PERMISSIONS, Permission, Role

TECHNICAL = "technical"
#: Keys of `[technical]` that watch over patients: their alerts are about one.
_ABOUT_PATIENTS = {"monitor_silent_s": "monitor-silent", "score_stale": "score-stale"}


@dataclass(frozen=True, slots=True)
class Chain:
    """One `[[escalation]]`."""

    severity: str
    units: tuple[str, ...]
    """None named: everywhere."""
    roles: tuple[str, ...]
    """Called one after the other."""

    @property
    def where(self) -> str:
        """` in ICU-1, ICU-2` for a sentence; empty where it is for everywhere."""
        return f" in {', '.join(self.units)}" if self.units else ""


def chains(text: str) -> list[Chain]:
    """The chains of a policy, in its order."""
    try:
        return [
            Chain(one["severity"], tuple(one.get("units", ())), tuple(step["to"] for step in one["steps"]))
            for one in _read(text).get("escalation", ())
        ]
    except (AttributeError, KeyError, TypeError):
        return []


def unanswerable(text: str) -> list[str]:
    """Calls that lead nowhere, in words: to a role that may not answer, or past everybody who may."""
    told = [
        f"the chain for {chain.severity} alerts{chain.where} calls {role}, who may not answer them"
        for chain in chains(text)
        for role in dict.fromkeys(chain.roles)
        if not _may_answer(role, chain.severity)
    ]
    watched = _read(text).get(TECHNICAL, {})
    rules = [rule for key, rule in _ABOUT_PATIENTS.items() if watched.get(key)]
    for chain in chains(text):
        if chain.severity == TECHNICAL and rules and not any(_may_act(role) for role in chain.roles):
            what = f"{' and '.join(rules)}, which are about patients"
            told.append(f"nobody whom the chain for technical alerts{chain.where} calls may answer {what}")
    return told


def _may_act(role: str) -> bool:
    return Permission.ACT in PERMISSIONS[Role(role)]


def _may_answer(role: str, severity: str) -> bool:
    """Who operates answers technical alerts that are about no patient."""
    return _may_act(role) or (severity == TECHNICAL and Permission.OPERATE in PERMISSIONS[Role(role)])


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
