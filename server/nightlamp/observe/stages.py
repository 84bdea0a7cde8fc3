"""The reason of each stage for `/readyz`, from what the stages themselves count."""

import json
from collections.abc import Callable

from nightlamp.pipeline import Progress
from nightlamp.publish import PublishStats
from nightlamp.receive.receipts import Receipts
from nightlamp.spool import Lane

from .health import StageHealth

#: Frames the engine or store may be behind the journal before a person should look.
LAG_FRAMES_DEGRADED = 50_000


def probe(
    receipts: Receipts, stats: Callable[[], bytes], progress: Progress, lane: Lane, publish: PublishStats
) -> list[StageHealth]:
    """One entry a stage, in the order of the route."""
    engine = json.loads(stats())
    journal = engine.get("journal", {})
    taken_behind = int(journal.get("durable_seq", progress.taken_seq)) - progress.taken_seq
    return [
        StageHealth("receive", "ok", f"{receipts.waiting} requests wait for the journal"),
        _journal(journal),
        _engine(progress, taken_behind),
        _store(progress, lane),
        _publish(publish),
    ]


def _journal(journal: dict[str, object]) -> StageHealth:
    if error := journal.get("error"):
        return StageHealth("journal", "down", f"cannot write: {error}")
    bytes_now, bytes_max = journal.get("bytes"), journal.get("bytes_max")
    if isinstance(bytes_now, int) and isinstance(bytes_max, int) and bytes_max:
        if bytes_now >= bytes_max:
            return StageHealth("journal", "down", "full: new frames are refused with 507")
        share = 100 * bytes_now // bytes_max
        return StageHealth("journal", "degraded" if share >= 80 else "ok", f"{share} % of its size cap is used")
    return StageHealth("journal", "ok", "writes")


def _engine(progress: Progress, behind: int) -> StageHealth:
    name = "decode, window, score, alert"
    if progress.take_error is not None:
        return StageHealth(name, "down", f"stopped: {progress.take_error}")
    state = "degraded" if behind > LAG_FRAMES_DEGRADED else "ok"
    return StageHealth(name, "degraded" if state == "degraded" else "ok", f"{max(behind, 0)} frames behind the journal")


def _store(progress: Progress, lane: Lane) -> StageHealth:
    waiting = f"{lane.batches} batches wait ({(lane.memory_bytes + lane.spool_bytes) >> 20} MiB)"
    if lane.full:
        return StageHealth("store", "down", f"the spool is full, scoring pauses; {waiting}")
    if progress.store_error is not None:
        return StageHealth("store", "degraded", f"cannot write ({progress.store_error}), rows are kept; {waiting}")
    return StageHealth("store", "degraded" if lane.spool_bytes else "ok", waiting)


def _publish(stats: PublishStats) -> StageHealth:
    reason = f"{stats.clients} consoles, {stats.redis_waiting} messages wait for Redis"
    if stats.redis_failures and not stats.redis_up:
        return StageHealth("publish", "degraded", f"Redis does not answer; {reason}")
    return StageHealth("publish", "ok", reason)
