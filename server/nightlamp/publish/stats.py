"""What publish counts: plain numbers, written by one event loop, read by the metrics collector."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class PublishStats:
    """Counters only grow; gauges (`clients`, `redis_waiting`, `redis_up`, `cursor`) go both ways."""

    messages_offered: int = 0
    """Messages the pipeline handed over."""
    alerts_repeated: int = 0
    """Alerts at or below the newest cursor, not sent twice: what a replay after a restart makes."""
    clients: int = 0
    """WebSocket clients now."""
    clients_accepted: int = 0
    clients_unauthenticated: int = 0
    clients_refused_full: int = 0
    clients_closed_slow: int = 0
    """Closed with 1013: more alerts waiting than the limit."""
    clients_closed_invalid: int = 0
    """Closed for a message that could not be understood."""
    clients_closed_error: int = 0
    """Closed because nightlamp failed, for example while reading alert history."""
    stream_writes: int = 0
    """WebSocket messages written."""
    stream_bytes: int = 0
    stream_messages: int = 0
    """Patient, alert and left messages written, over all clients."""
    patients_conflated: int = 0
    """Patient states replaced by newer ones before a client read them."""
    resumes_from_ring: int = 0
    resumes_from_store: int = 0
    resumes_refused: int = 0
    """Cursors of another journal: the client starts anew."""
    redis_published: int = 0
    redis_alerts_dropped: int = 0
    """Alerts not published because Redis was away for longer than the queue is long."""
    redis_patients_conflated: int = 0
    redis_patients_dropped: int = 0
    """States of patients beyond the queue's limit."""
    redis_failures: int = 0
    """Attempts that failed and were repeated."""
    redis_waiting: int = 0
    redis_up: int = 0
    """1 after a successful publish, 0 after a failed one."""
    cursor: int = 0
    """The newest cursor offered."""

    def as_dict(self) -> dict[str, int]:
        """All of it by name, for a collector."""
        return asdict(self)
