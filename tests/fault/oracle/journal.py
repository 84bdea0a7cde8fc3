"""The journal, read by the format's own page (core_rs/src/journal/mod.rs) and by no code of nightlamp.

Checksums are not computed: what matters is compared whole with what was sent. A segment ends where no whole
record follows.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEADER_BYTES, _MAGIC = 24, b"NLJOURNL"
_HEAD = struct.Struct("<II")
_BODY = struct.Struct("<QBqBBH")
TICK, REPLAY, POLICY = 16, 17, 19


class JournalError(Exception):
    """The files are not a journal, or a number is missing."""


@dataclass(frozen=True, slots=True)
class Record:
    """One frame as it was journalled."""

    seq: int
    source: int
    principal: str
    context: str
    received_at_us: int
    payload: bytes


def read(*folders: Path) -> Iterator[Record]:
    """All records in order; a segment in a later folder counts before its copy in an earlier one.

    Raises JournalError where a sequence number is missing.
    """
    expected = None
    segments = {path.name: path for folder in folders for path in folder.glob("*.journal")}
    for _, path in sorted(segments.items()):
        for record in _segment(path):
            if expected is not None and record.seq != expected:
                raise JournalError(f"{path.name}: frame {record.seq} where {expected} should be")
            expected = record.seq + 1
            yield record


def _segment(path: Path) -> Iterator[Record]:
    raw = path.read_bytes()
    if raw[:8] != _MAGIC:
        raise JournalError(f"{path.name} is no segment")
    at = _HEADER_BYTES
    while at + _HEAD.size + _BODY.size <= len(raw):
        length, _ = _HEAD.unpack_from(raw, at)
        start, end = at + _HEAD.size, at + _HEAD.size + length
        if length < _BODY.size or end > len(raw):
            return
        seq, _, received_at_us, source, principal_bytes, context_bytes = _BODY.unpack_from(raw, start)
        text = start + _BODY.size
        context = text + principal_bytes
        payload = context + context_bytes
        yield Record(
            seq, source, raw[text:context].decode(), raw[context:payload].decode(), received_at_us, raw[payload:end]
        )
        at = end
