"""The chapter in which a policy is tried on recorded time before anybody is woken by it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from .record import clock
from .story import NotOffered, Scene, Told

DOOR = "/v1/policy/simulate"


async def policy_is_tried(scene: Scene) -> Told:
    """What this ward would have heard with a lower threshold, computed from the journal of the minutes so far."""
    await scene.record.until(lambda: scene.ignored)
    await asyncio.sleep(scene.house.pace.charge_nurse_s)
    until = clock()
    tried = scene.house.pace.policy().replace("enter = 7", "enter = 5", 1).replace("clear = 4", "clear = 3", 1)
    status, said = await scene.admin.call("POST", DOOR, {"text": tried, "from": _time(scene.began), "to": _time(until)})
    took = clock() - until
    if status in {404, 405}:
        raise NotOffered(f"this server has no {DOOR}")
    if status != 200:
        raise RuntimeError(f"the simulation was answered {status}")
    return Told(
        [
            "Tried: high alerts from NEWS2 5 instead of 7, on the journal since the ward began. Nobody was woken.",
            _result(said),
        ],
        f"{scene.link(page='policy')}  the rules in force and this result",
        f"{until - scene.began:.0f} s of the ward replayed in {took:.1f} s",
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _result(said: dict[str, Any]) -> str:
    return str(said)[:300]
