"""The engine's figures (core_rs/src/engine/report.rs) as statistics by stage, each told to be a counter or a gauge.

Conservation (P4), all of these in `/metrics`: journal_frames_total (made durable since the start) is taken by the
pipeline, where pipeline_frames_total = frames_tick + frames_action + frames_policy + frames_decoded + frames_dead +
frames_repeated + frames_conflicting + frames_internal, and pipeline_observations_total = observations_kept +
observations_repeated + observations_dead. Counters begin anew with the process; what begins with
pipeline_ever_ counts from the journal's first frame on, up to pipeline_lag_processed_seq, and goes on after a restart.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from .metrics import Buckets, Statistics

#: Figures that go both ways; everything else the engine tells as a number only grows.
MQTT_GAUGES = frozenset({"held", "withheld", "sockets", "open"})
BROKER_GAUGES = MQTT_GAUGES | {"connected"}
JOURNAL_GAUGES = frozenset(
    {
        *("durable_seq", "first_seq", "bytes", "bytes_max", "bytes_waiting", "segments", "sync_us_max"),
        *("commit_frames_max", "room_bytes", "room_short", "stuck"),
    }
)
SUPERVISION_GAUGES = frozenset(
    {"snapshot_seq", "snapshot_held_ms", "snapshot_encode_ms", "snapshot_sync_ms", "poison_frames", "ticks_silent_ms"}
)
#: Of the replay under way after a start or a panic; 0 without one.
RECOVERY = ("frames_done", "frames_to_do", "frames_per_s", "seconds_left")
#: Why the journal refuses frames now.
FULL = ("cap", "disk")
#: Units are Prometheus' own: seconds.
SYNC = "sync_buckets"


def statistics(stats: Callable[[], bytes]) -> Callable[[], Statistics]:
    """A source for `/metrics` out of `Engine.stats`."""
    return lambda: by_stage(json.loads(stats()))


def by_stage(read: Mapping[str, Any]) -> Statistics:
    """Statistics by stage."""
    receive: dict[str, Any] = {}
    doors = read.get("receive", {})
    if (listener := doors.get("mqtt_listener")) is not None:
        receive |= _named(_flat(listener), MQTT_GAUGES, "mqtt_")
    for place, broker in enumerate(doors.get("mqtt_brokers", [])):
        for name, value in _named(_flat(broker), BROKER_GAUGES, "mqtt_broker_").items():
            receive.setdefault(name, {})[str(place)] = value
    pipeline = _named(_flat(read.get("pipeline", {})), frozenset())
    pipeline |= _flat(read.get("ever", {}), "ever_")
    pipeline |= _flat(read.get("gauges", {})) | _flat(read.get("lag", {}), "lag_")
    pipeline |= _named(_flat(read.get("supervision", {})), SUPERVISION_GAUGES)
    recovery = read.get("recovery") or {}
    pipeline["recovering"] = int(bool(recovery))
    pipeline |= {f"recovery_{name}": recovery.get(name) or 0 for name in RECOVERY}
    pipeline["up"] = int(read.get("failed") is None)
    return {"receive": receive, "journal": _journal(read.get("journal", {})), "pipeline": pipeline}


def _journal(journal: Mapping[str, Any]) -> dict[str, Any]:
    counts = journal.get(SYNC)
    plain = {name: value for name, value in journal.items() if name not in {SYNC, "sync_buckets_us", "sync_us_sum"}}
    named: dict[str, Any] = {**_named(_flat(plain), JOURNAL_GAUGES)}
    named["up"] = int(journal.get("error") is None)
    named["full"] = {why: int(journal.get("full") == why) for why in FULL}
    if counts:
        edges_s = [edge / 1e6 for edge in journal["sync_buckets_us"]]
        named["sync_seconds"] = Buckets(edges_s, counts, journal["sync_us_sum"] / 1e6)
    return named


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, int | float]:
    """Numbers only; names of nested objects are left out where they only group."""
    found: dict[str, int | float] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, prefix)
        elif isinstance(value, int | float):
            found[prefix + name] = int(value) if isinstance(value, bool) else value
    return found


def _named(values: Mapping[str, int | float], gauges: frozenset[str], prefix: str = "") -> dict[str, int | float]:
    return {prefix + (name if name in gauges else f"{name}_total"): value for name, value in values.items()}
