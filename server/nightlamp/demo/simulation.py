"""The chapter in which a policy is tried on recorded time before anybody is woken by it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from .record import clock
from .story import NotOffered, Scene, Told

START, RESULT = "/v1/policy/simulate", "/v1/policy/simulation"
ASK_S = 0.2


async def policy_is_tried(scene: Scene) -> Told:
    """What this ward would have heard with a lower threshold, computed from the journal of the minutes so far."""
    await scene.record.until(lambda: scene.ignored)
    await asyncio.sleep(scene.house.pace.charge_nurse_s)
    policy = scene.house.pace.policy()
    tried = policy.replace("enter = 5\n", "enter = 3\n").replace("clear = 3\n", "clear = 1\n")
    until = clock()
    status, begun = await scene.admin.call("POST", START, {"text": tried, "from": _time(scene.began)})
    if status in {404, 405}:
        raise NotOffered(f"this server has no {START}")
    if status not in {200, 202}:
        raise RuntimeError(f"the simulation was answered {status}: {begun}")
    found = await _result(scene, str(begun["id"]))
    took = clock() - until
    now, then = (found[name]["figures"]["all"]["alerts"] for name in ("current", "candidate"))
    more = found["difference"]["all"]["only_candidate"]
    return Told(
        [
            "What if medium alerts began at NEWS2 3 instead of 5? Tried on this ward's own journal; nobody was woken.",
            f"The policy in force opened {now} alerts about patients, the other would have opened {then}: {more} more.",
        ],
        f"{scene.link(page='policy')}  the rules in force; signed in as the administrator, this result",
        f"{until - scene.began:.0f} s of the ward, {found['source']['frames']:,} frames, tried in {took:.1f} s",
    )


async def _result(scene: Scene, wanted: str) -> dict[str, Any]:
    while True:
        status, now = await scene.admin.call("GET", RESULT)
        if status != 200:
            raise RuntimeError(f"the simulation's result was answered {status}")
        last = now["last"]
        if now["running"] is None and last is not None and str(last["id"]) == wanted:
            if last["error"] is not None:
                raise RuntimeError(str(last["error"]))
            return dict(last["result"])
        await asyncio.sleep(ASK_S)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
