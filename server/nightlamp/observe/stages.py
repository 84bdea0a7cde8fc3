"""The reason of each stage for `/readyz`, from what the stages themselves count."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nightlamp.pipeline import Progress
from nightlamp.publish import PublishStats
from nightlamp.receive.receipts import Receipts
from nightlamp.spool import Lane

from .health import StageHealth, State

#: How old the oldest unscored frame may be, milliseconds: beyond it the ward is not watched.
HEAD_AGE_MS_MAX = 5_000
#: How long no tick may have been written, milliseconds: without ticks nobody notices that time passes.
TICKS_SILENT_MS_MAX = 5_000
PIPELINE = "decode, window, score, alert"
#: The stage that a task of app.py belongs to.
TASKS = {
    "supervision": PIPELINE,
    "keys": "receive",
    "feeds": "receive",
    "partitions": "store",
    "redis": "publish",
    "notify": "publish",
    "reach": "publish",
    "figures": "store",
}


def probe(
    receipts: Receipts,
    stats: Callable[[], bytes],
    progress: Progress,
    lane: Lane,
    publish: PublishStats,
    dead_channels: Sequence[str] = (),
) -> list[StageHealth]:
    """One entry a stage, in the order of the route."""
    engine = json.loads(stats())
    return [
        _receive(engine["receive"], receipts),
        _journal(engine["journal"]),
        _pipeline(engine, progress),
        _store(progress, lane),
        _publish(publish, dead_channels),
    ]


def with_died(stages: Sequence[StageHealth], died: Mapping[str, str]) -> list[StageHealth]:
    """The same with each stage down whose task has died; `died` is task to type of error."""
    why = {TASKS[task]: f"its task '{task}' has died ({error}): restart the server" for task, error in died.items()}
    return [
        StageHealth(one.stage, "down", f"{why[one.stage]}; {one.reason}") if one.stage in why else one for one in stages
    ]


def _receive(doors: dict[str, Any], receipts: Receipts) -> StageHealth:
    listener = doors.get("mqtt_listener")
    mqtt = "no MQTT listener" if listener is None else f"{listener['connections']['open']} MQTT connections"
    reason = f"{receipts.waiting} requests wait for the journal, {mqtt}"
    if dead := doors["doors_dead"]:
        return StageHealth("receive", "down", f"{dead} MQTT doors have died and are opened again; {reason}")
    return StageHealth("receive", "ok", reason)


def _journal(journal: dict[str, Any]) -> StageHealth:
    if journal["error"] is not None:
        return StageHealth("journal", "down", f"cannot write: {journal['error']}")
    share = 100 * int(journal["bytes"]) // int(journal["bytes_max"])
    used = f"{share} % of its size cap is used"
    if journal["stuck"] or journal["full"] == "disk":
        return StageHealth("journal", "down", f"its disk is full: new frames are refused with 507; {used}")
    if journal["full"] == "cap":
        return StageHealth("journal", "down", f"at its size cap: new frames are refused with 507; {used}")
    if journal["room_short"]:
        left = int(journal["room_bytes"] or 0) >> 10
        return StageHealth("journal", "degraded", f"its disk is nearly full: room for {left} KiB is held; {used}")
    return StageHealth("journal", "degraded" if share >= 80 else "ok", used)


def _pipeline(engine: dict[str, Any], progress: Progress) -> StageHealth:
    if progress.waits_for is not None:
        return StageHealth(PIPELINE, "down", "waits for PostgreSQL to say where to begin; frames are journalled")
    why = engine["failed"] or progress.take_error
    if why is not None:
        return StageHealth(PIPELINE, "down", f"stopped: {why}")
    if (recovery := engine["recovery"]) is not None:
        return StageHealth(PIPELINE, "down", _recovering(recovery))
    lag, supervised = engine["lag"], engine["supervision"]
    reason = f"{lag['frames']} frames behind the journal, the oldest {lag['head_age_ms']} ms old"
    if lag["head_age_ms"] > HEAD_AGE_MS_MAX:
        return StageHealth(PIPELINE, "down", reason)
    if supervised["ticks_silent_ms"] > TICKS_SILENT_MS_MAX:
        return StageHealth(PIPELINE, "down", f"no tick for {supervised['ticks_silent_ms']} ms; {reason}")
    if poison := supervised["poison_frames"]:
        reason += f"; {poison} frames that stopped a stage are passed over (dead letters)"
    return StageHealth(PIPELINE, "ok", reason)


def _recovering(recovery: dict[str, Any]) -> str:
    """As a person reads it: how far, how fast, how long still."""
    if not recovery["frames_to_do"]:
        return f"recovering ({recovery['why']}): reading the snapshot"
    left = recovery["seconds_left"]
    return (
        f"recovering ({recovery['why']}): {recovery['frames_done']} of {recovery['frames_to_do']} frames, "
        f"{recovery['frames_per_s']:.0f} a second" + (f", {left:.0f} s to go" if left is not None else "")
    )


def _store(progress: Progress, lane: Lane) -> StageHealth:
    waiting = f"{lane.batches} batches wait ({(lane.memory_bytes + lane.spool_bytes) >> 20} MiB)"
    if progress.waits_for is not None:
        return StageHealth("store", "down", f"PostgreSQL has not answered since the start ({progress.waits_for})")
    if lane.spool_error is not None:
        return StageHealth(
            "store", "down", f"the spool cannot be written ({lane.spool_error}), scoring pauses; {waiting}"
        )
    if lane.full:
        return StageHealth("store", "down", f"the spool is full, scoring pauses; {waiting}")
    if progress.store_error is not None:
        state: State = "down" if progress.store_stuck else "degraded"
        return StageHealth("store", state, f"cannot write ({progress.store_error}), rows are kept; {waiting}")
    if lane.files_left:
        waiting += f"; {lane.files_left} spool files could not be removed: look at the disk"
    return StageHealth("store", "degraded" if lane.spool_bytes or lane.files_left else "ok", waiting)


def _publish(stats: PublishStats, dead_channels: Sequence[str]) -> StageHealth:
    reason = f"{stats.clients} consoles, {stats.redis_waiting} messages wait for Redis"
    if dead_channels:
        reason += f"; notifications do not get through: {', '.join(dead_channels)}"
    if stats.redis_failures and not stats.redis_up:
        return StageHealth("publish", "degraded", f"Redis does not take every message; {reason}")
    return StageHealth("publish", "degraded" if dead_channels else "ok", reason)
