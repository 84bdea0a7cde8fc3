"""COPY streams as Rust encoded them, joined without copying: one COPY a table, whatever the number of batches."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from nightlamp.store.errors import StoreError

Table = tuple[str, int, bytes]

HEADER_BYTES, TRAILER_BYTES = 19, 2
#: One CopyData message; PostgreSQL holds one in memory at a time.
_CHUNK_BYTES_MAX = 512 << 10

#: Columns in the order of the tuples' fields (`COLUMNS` in core_rs/src/store/*.rs); tables in the order of writing.
COLUMNS: dict[str, tuple[str, ...]] = {
    "patients_seen": ("patient_id", "first_seen_at", "last_seen_at"),
    # Before the events that are derived with them.
    "patient_merges": ("seq", "ordinal", "received_at", "occurred_at", "former_id", "patient_id"),
    "encounter_events": (
        *("seq", "ordinal", "kind", "patient_id", "authority", "identifier", "family", "given", "birth_day", "sex"),
        *("visit", "class", "unit", "bed", "admitted_at", "occurred_at", "received_at"),
        *("lies_unit", "lies_bed", "here", "leaves", "stale", "recorded_at", "undone_since_at"),
    ),
    "observations": (
        *("seq", "ordinal", "patient_id", "signal_id", "observed_at", "received_at", "value", "status", "source"),
    ),
    "scores": (
        *("seq", "ordinal", "patient_id", "model", "version", "model_sha256", "scored_at", "raw", "value", "band"),
        *("present", "expected", "input_signals", "input_values", "input_ages_s", "input_points", "features"),
    ),
    "alert_events": (
        *("seq", "ordinal", "alert_id", "patient_id", "unit", "bed", "rule", "kind", "severity", "at", "model"),
        *("version", "value", "reason", "contributions", "explanation", "cause", "subject", "by_key", "by_role"),
        *("to_role", "note", "until_at", "level", "held"),
    ),
    "dead_letters": (
        *("seq", "ordinal", "received_at", "source", "principal", "context", "stage", "reason", "detail", "location"),
        "raw",
    ),
    "dead_letter_replays": ("seq", "replayed_seq", "replayed_at"),
    "policy_changes": ("seq", "at", "by_key", "note", "sha256", "policy", "refused"),
}


class Batch(Protocol):
    """What the engine hands over: the rows of the frames first_seq to last_seq, one COPY stream a table."""

    @property
    def first_seq(self) -> int:
        """First frame covered."""
        ...

    @property
    def last_seq(self) -> int:
        """Last frame covered: the cursor after the batch."""
        ...

    @property
    def frames(self) -> int:
        """Frames covered."""
        ...

    @property
    def tables(self) -> Sequence[Table]:
        """(table, rows, COPY stream)."""
        ...


def by_table(batches: Sequence[Batch]) -> dict[str, tuple[int, list[bytes]]]:
    """Table to (rows, streams in order), in the order of writing. Raises StoreError for an unknown table."""
    found: dict[str, tuple[int, list[bytes]]] = {}
    for batch in batches:
        for table, rows, stream in batch.tables:
            if table not in COLUMNS:
                raise StoreError(f"the batch has rows for {table}, which the store does not know")
            known, streams = found.get(table, (0, []))
            if rows:
                found[table] = (known + rows, [*streams, stream])
    return {table: found[table] for table in COLUMNS if table in found}


async def joined(streams: Sequence[bytes]) -> AsyncIterator[memoryview]:
    """One COPY stream out of several: the first header, all tuples, the last trailer."""
    for place, stream in enumerate(streams):
        start = 0 if place == 0 else HEADER_BYTES
        end = len(stream) if place == len(streams) - 1 else len(stream) - TRAILER_BYTES
        for at in range(start, end, _CHUNK_BYTES_MAX):
            yield memoryview(stream)[at : min(at + _CHUNK_BYTES_MAX, end)]
