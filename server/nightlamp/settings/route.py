"""The route: its limits, the journal, what waits for the database, stages that stop, showing the past."""

from pydantic import Field

from .section import Section


class Limits(Section):
    """Limits of the Rust half (promise P5).

    The same names and defaults as core_rs/src/limits.rs; a test compares them.
    """

    frame_bytes_max: int = Field(1 << 20, ge=1_024, le=32 << 20)
    """Largest payload of one frame, bytes."""
    hl7_segments_max: int = Field(10_000, ge=1)
    """Most segments in one HL7 message."""
    hl7_batch_messages_max: int = Field(1_000, ge=1)
    """Most messages in one FHS/BHS batch."""
    frame_observations_max: int = Field(10_000, ge=1)
    """Most observations in one frame."""
    future_s_max: int = Field(300, ge=0)
    """How far ahead of receipt an observation time may lie, seconds."""
    past_s_max: int = Field(366 * 86_400, ge=0)
    """How far behind receipt an observation time may lie, seconds."""
    patients_max: int = Field(20_000, ge=1)
    """Most patients with a rolling state."""
    signal_observations_max: int = Field(100_000, ge=1)
    """Most raw observations held per patient and signal."""
    message_ids_max: int = Field(1_000_000, ge=1)
    """Message ids remembered for redelivery."""
    journal_bytes_max: int = Field(16 << 30, ge=1 << 20)
    """Journal bytes on disk before new frames are refused with 507."""
    journal_segment_bytes_max: int = Field(64 << 20, ge=64 << 10)
    """One journal segment, bytes."""
    journal_waiting_bytes_max: int = Field(32 << 20, ge=64 << 10)
    """Bytes waiting for the disk before senders are held back."""
    mqtt_connections_max: int = Field(4_096, ge=1)
    """MQTT connections at once."""
    mqtt_inflight_max: int = Field(1_024, ge=1, le=65_535)
    """Unacknowledged QoS 1 publishes per MQTT connection."""
    batches_waiting_max: int = Field(8, ge=1)
    """Finished batches waiting for Python."""
    batch_frames_max: int = Field(8_192, ge=1)
    """Frames in one batch."""


class Lane(Section):
    """What waits for PostgreSQL while it is slow or away (promise P3)."""

    memory_bytes_max: int = Field(32 << 20, ge=1 << 20)
    """Rows kept in memory, bytes; what comes after goes to a spool file in the data folder."""
    spool_bytes_max: int = Field(8 << 30, ge=1 << 20)
    """Spool file, bytes; when it is full the pipeline pauses and the journal keeps acknowledging up to its own cap."""


class Journal(Section):
    """When the journal calls fdatasync, and how long it keeps what is stored."""

    commit_us_max: int = Field(0, ge=0, le=1_000_000)
    """How long a group may wait for company, microseconds; 0 commits as soon as the disk is free."""
    commit_frames_max: int = Field(1_024, ge=1)
    """A group of this many frames is written at once."""
    commit_bytes_max: int = Field(1 << 20, ge=1)
    """A group of this many bytes is written at once."""
    retention_s: int = Field(7 * 86_400, ge=0)
    """How long stored frames are kept, seconds; less where the size cap is near."""
    snapshot_s: int = Field(300, ge=0)
    """How often the state behind the journal is written to disk, seconds, so that a restart replays little; 0 never."""
    snapshot_frames: int = Field(75_000, ge=1)
    """A snapshot is also written after this many frames: about what a restart replays at most."""
    snapshots_kept: int = Field(48, ge=0, le=10_000)
    """Older snapshots kept beside the newest, evenly spread over the journal: showing the past then takes seconds."""
    snapshots_bytes_max: int = Field(2 << 30, ge=0)
    """What older snapshots may take on disk, bytes."""
    quarantine: bool = False
    """Read around damaged records instead of refusing to start; what was lost is counted."""


class Supervision(Section):
    """When a stage counts as hung, and how many frames may stop one."""

    hang_s_max: int = Field(20, ge=1, le=3_600)
    """How long a stage may work on one frame, seconds; then the frame is put aside and the server ends with 70."""
    poison_per_hour_max: int = Field(10, ge=0, le=10_000)
    """Frames that may be put aside within an hour before the pipeline stops: then the build is suspect."""


class Replay(Section):
    """Showing a patient as it was, from the journal, beside the running route."""

    concurrency_max: int = Field(1, ge=1, le=8)
    """Replays at once; more are refused with 503. Each holds one state of the ward in memory."""
    time_s_max: float = Field(30.0, gt=0, le=600)
    """Longest one may take."""
    simulate_s_max: float = Field(900.0, gt=0, le=86_400)
    """Longest a simulation of a policy may take, seconds. One at a time, beside these; it yields to the route."""
