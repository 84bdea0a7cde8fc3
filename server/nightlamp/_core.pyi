"""What Rust shows to Python. One section a binding file; `make lint` compares it with the compiled module."""

from typing import final

__version__: str

# --- Engine (bindings/engine.rs): the Rust half of the route ----------------------------------------------------

class CoreError(Exception):
    """A refusal of the table in error.rs: `args` are (code, http status, detail)."""

@final
class Batch:
    """What a run of frames became: rows for store, messages for publish."""

    first_seq: int
    last_seq: int
    frames: int
    tables: list[tuple[str, int, bytes]]
    """(table, rows, PostgreSQL binary COPY stream)."""
    messages: list[tuple[str, str, str, int, bytes]]
    """(patient | alert | left, unit, patient id, cursor, JSON)."""

@final
class Engine:
    """journal, decode, window, score and alert of one data folder."""

    def __new__(cls, data_dir: str, config: bytes) -> Engine:
        """`config` is JSON (`Settings.engine_config`). Raises ValueError with a precise text."""

    def start(self, cursor: int) -> None:
        """Replay the journal: rows up to `cursor` are recomputed, not emitted. Then start the threads."""

    def submit(self, source: int, principal: str, context: str, payload: bytes) -> int:
        """Queue a frame; its sequence number. Never waits for the disk. Raises CoreError."""

    def durable_fd(self) -> int:
        """An eventfd, readable when `durable_seq` has advanced."""

    def durable_seq(self) -> int:
        """The highest sequence number on disk."""

    def next_batch(self, timeout_ms: int) -> Batch | None:
        """The next finished batch; None after `timeout_ms` without one. Waits without the GIL."""

    def read_frame(self, seq: int) -> tuple[int, str, str, int, bytes] | None:
        """(source, principal, context, received_at_us, payload); None once retention has removed it."""

    def replay_frame(self, seq: int) -> int:
        """Journal a frame once more; the sequence number of the new frame. Raises CoreError."""

    def set_credentials(self, credentials: bytes) -> None:
        """Replace the MQTT credentials: JSON list of {id, hash, units}."""

    def mqtt_port(self) -> int | None:
        """The listener's port, None where it is switched off."""

    def scorers(self) -> bytes:
        """JSON: index, name, version, sha256, kind, features of each scorer."""

    def stats(self) -> bytes:
        """JSON: counters per stage, lags, memory per patient."""

    def stop(self) -> None:
        """Close the doors, drain, flush, join the threads."""
