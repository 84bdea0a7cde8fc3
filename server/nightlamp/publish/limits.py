"""Every limit of publish, in one place (P5)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublishLimits:
    """Defaults for one node: 1,000 patients, a few hundred consoles."""

    clients_max: int = 256
    """WebSocket clients at once; the next one is answered 503."""
    client_alerts_max: int = 1_000
    """Alerts waiting for one client; one more and it is closed with 1013 and may resume by its cursor."""
    alert_ring_max: int = 10_000
    """Alert messages kept for resuming; older ones come from the store."""
    history_page_max: int = 1_000
    """Alerts asked of the store at once while a client resumes."""
    client_message_bytes_max: int = 16_384
    """Largest message a client may send."""
    subscription_names_max: int = 1_000
    """Most units plus patients one subscription may name."""
    write_bytes_target: int = 131_072
    """A WebSocket message is closed once it holds this much; what is left goes into the next."""
    heartbeat_s: float = 1.0
    """Between two heartbeats of one client."""
    patient_gap_s: float = 0.05
    """Pause between two writes of patient states: this to a client that does not keep up; to those who do (a feed)
    three times what the write before took, at most this. Small batches are gathered. Alerts do not wait."""
    subscribe_s_max: float = 10.0
    """A client that has not subscribed by then is closed."""
    reauthenticate_s: float = 30.0
    """How often a standing connection's credential is checked again."""
    client_message_gap_s: float = 0.2
    """Least time between two messages of one client; faster ones wait in its socket."""
    close_s_max: float = 2.0
    """How long a stalled client may take to receive its closing frame before the socket is closed anyway."""
    redis_alerts_max: int = 10_000
    """Alerts waiting for Redis; the oldest is dropped and counted beyond."""
    redis_patients_max: int = 20_000
    """Patients whose newest state waits for Redis; further ones are dropped and counted."""
    redis_pipeline_max: int = 512
    """Messages sent to Redis before its answer is awaited."""
    redis_retry_s_max: float = 5.0
    """Longest pause between attempts while Redis is away."""
    redis_timeout_s: float = 5.0
    """How long one attempt may take."""
