"""The HL7 v2 messages of others at hand: every file under `data/hl7v2` of the shared folder."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nightlamp._core import Decoder, HL7Message, HL7Screening

ROOT = Path(__file__).resolve().parents[3]
CORPUS = Path(os.environ.get("NIGHTLAMP_SHARED", ROOT.parent / "shared")) / "data" / "hl7v2"

RECEIVED_AT_US = 1_782_000_000_000_000
"""2026-06-21: one receipt for all, so that a run is repeatable."""

OPEN_CONFIG = b"""{"processing_ids": ["P", "T", "D", ""], "limits": {"frame_bytes_max": 16777216,
"hl7_batch_messages_max": 10000, "past_s_max": 9000000000, "future_s_max": 9000000000}}"""
"""Limits and time bounds out of the way: this compares what is read, not what a ward would keep."""


@dataclass(frozen=True)
class Sample:
    """One message of the corpus."""

    file: str
    message: HL7Message

    @property
    def text(self) -> str:
        """As a foreign parser takes it: text with CR line ends and without blank lines, nothing else changed."""
        lines = self.message.payload.decode("utf-8", "replace").replace("\n", "\r").split("\r")
        return "\r".join(line for line in lines if line.strip())


def files() -> Iterator[tuple[str, bytes]]:
    """(path within the corpus, content), sorted."""
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file() and not path.name.startswith("_"):
            yield str(path.relative_to(CORPUS)), path.read_bytes()


def screened(decoder: Decoder) -> Iterator[tuple[str, HL7Screening]]:
    """Every file, screened."""
    for name, payload in files():
        yield name, decoder.screen_hl7(payload, received_at_us=RECEIVED_AT_US)


def samples(decoder: Decoder) -> list[Sample]:
    """Every message of every file that could be cut into messages."""
    return [Sample(name, message) for name, screening in screened(decoder) for message in screening.messages]
