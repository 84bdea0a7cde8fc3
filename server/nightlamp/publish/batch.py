"""The boundary between the Rust pipeline and publish."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

Kind = Literal["patient", "alert", "left"]


class Message(NamedTuple):
    """One encoded message. The pipeline may hand plain tuples of the same five fields."""

    kind: str
    """`patient`, `alert` or `left`."""
    unit: str
    """Point of care, empty while the patient lies in no bed."""
    patient_id: str
    """The pseudonym as UUID text."""
    cursor: int
    """`seq << 16 | ordinal`; ordinal 0 for `patient` and `left`."""
    body: bytes
    """UTF-8 JSON as documented in docs/messages.md."""


class Batch(Protocol):
    """What publish reads of a finished batch: all messages of all its frames, in the order of the journal."""

    @property
    def messages(self) -> Sequence[tuple[str, str, str, int, bytes]]:
        """(kind, unit, patient id, cursor, JSON). All messages of one frame are in one batch."""
        ...
