"""A nightlamp that loses one acknowledged message: `python losing_nightlamp.py <arguments of nightlamp>`.

At the second start on a data folder the frame of one MQTT message in the middle of the journal becomes a tick, with its
checksum as it should be: the journal is whole, its numbers have no gap, and the message is gone.
"""

import os
import struct
import sys
from pathlib import Path

HEADER_BYTES = 24
HEAD = struct.Struct("<II")
#: In a record's body: seq u64, flags u8, received_at i64, then the source.
SOURCE_AT = 17
JSON_MQTT, TICK = 3, 16
CASTAGNOLI = 0x82F63B78


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def lose_one(segment: Path) -> None:
    """Turn the MQTT message in the middle of a segment into a tick."""
    raw = bytearray(segment.read_bytes())
    messages, at = [], HEADER_BYTES
    while at + HEAD.size <= len(raw):
        length, crc = HEAD.unpack_from(raw, at)
        body = raw[at + HEAD.size : at + HEAD.size + length]
        if length <= SOURCE_AT or crc32c(body) != crc:
            break
        if body[SOURCE_AT] == JSON_MQTT:
            messages.append((at, length))
        at += HEAD.size + length
    at, length = messages[len(messages) // 2]
    raw[at + HEAD.size + SOURCE_AT] = TICK
    HEAD.pack_into(raw, at, length, crc32c(raw[at + HEAD.size : at + HEAD.size + length]))
    segment.write_bytes(raw)


def main() -> None:
    """Lose a message if this is the second start, then be nightlamp."""
    journal = Path(os.environ["NIGHTLAMP_DATA_DIR"]) / "journal"
    started = journal.parent / "started-once"
    if "serve" in sys.argv:
        if started.exists():
            lose_one(max(journal.glob("*.journal")))
        started.touch()
    os.execv(sys.executable, [sys.executable, "-m", "nightlamp", *sys.argv[1:]])


if __name__ == "__main__":
    main()
