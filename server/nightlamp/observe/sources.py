"""What the Python half counts, as nested statistics for `/metrics`; the engine counts its own.

Conservation (P4): receive_http_messages_total = receive_http_accepted_total + receive_http_refused_total, each summed
over its labels; store_frames_taken_total = store_frames_total + store_frames_waiting.
"""

from collections.abc import Mapping

from nightlamp.as_of import AsOfStats
from nightlamp.pipeline import Pipeline
from nightlamp.publish import PublishStats
from nightlamp.receive.door import DoorCounts
from nightlamp.receive.receipts import Receipts

from .metrics import Statistics

#: Fields of PublishStats that go both ways; all others only grow.
PUBLISH_GAUGES = frozenset({"clients", "redis_waiting", "redis_up", "cursor"})


def doors(counts: DoorCounts, receipts: Receipts) -> Statistics:
    """The HTTP doors."""
    return {
        "receive": {
            "http_messages_total": counts.messages,
            "http_accepted_total": counts.accepted,
            "http_refused_total": counts.refused,
            "http_bytes_total": counts.bytes,
            "http_waiting_requests": receipts.waiting,
        }
    }


def sign_ins(refused: Mapping[str, int]) -> Statistics:
    """People at the door of the console."""
    return {"receive": {"sign_ins_refused_total": dict(refused)}}


def clock(recorded_time: bool) -> Statistics:
    """1 while a recording is replayed: alarm on it, a ward must never run so."""
    return {"decode": {"recorded_time": int(recorded_time)}}


def store(pipeline: Pipeline) -> Statistics:
    """From the engine's batches to PostgreSQL."""
    progress, lane = pipeline.progress, pipeline.lane
    return {
        "store": {
            "frames_taken_total": progress.frames_taken,
            "frames_total": progress.frames_stored,
            "frames_waiting": progress.frames_taken - progress.frames_stored,
            "batches_total": progress.batches_stored,
            "batches_waiting": lane.batches,
            "batches_spooled_total": lane.batches_spooled,
            "rows_total": progress.rows_stored,
            "rows_refused_total": progress.rows_refused,
            "failures_total": progress.store_failures,
            "up": int(progress.store_error is None),
            "cursor_seq": progress.stored_seq,
            "memory_bytes": lane.memory_bytes,
            "spool_bytes": lane.spool_bytes,
            "spool_up": int(lane.spool_error is None),
        }
    }


def publish(stats: PublishStats) -> Statistics:
    """Consoles and Redis."""
    values = stats.as_dict()
    return {"publish": {name if name in PUBLISH_GAUGES else f"{name}_total": value for name, value in values.items()}}


def replay(stats: AsOfStats) -> Statistics:
    """As it was: what was asked, and how scores computed again compare with their rows (same, different, unknown)."""
    return {
        "replay": {
            "asked_total": dict(stats.outcomes),
            "scores_compared_total": dict(stats.compared),
            "frames_total": stats.frames,
            "seconds_total": stats.seconds,
            "running": stats.running,
        }
    }
