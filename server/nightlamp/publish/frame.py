"""WebSocket text frames as they leave the server: unmasked, whole, uncompressed (RFC 6455, section 5.2).

A frame is built once and given to every console that wants it; only the length decides its head of 2, 4 or 10 bytes.
"""

from collections.abc import Iterable

_TEXT_AND_FIN = 0x81
_LENGTH_SHORT_MAX, _LENGTH_16_MAX = 125, 0xFFFF


def text_frame(payload: bytes) -> bytes:
    """One frame around UTF-8 text."""
    length = len(payload)
    if length <= _LENGTH_SHORT_MAX:
        head = bytes((_TEXT_AND_FIN, length))
    elif length <= _LENGTH_16_MAX:
        head = bytes((_TEXT_AND_FIN, 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((_TEXT_AND_FIN, 127)) + length.to_bytes(8, "big")
    return head + payload


def frames(bodies: Iterable[bytes], bytes_target: int) -> list[bytes]:
    """Messages as JSON arrays, one a frame; a frame is closed once its messages hold `bytes_target` bytes."""
    made: list[bytes] = []
    waiting: list[bytes] = []
    size = 0
    for body in bodies:
        waiting.append(body)
        size += len(body)
        if size >= bytes_target:
            made.append(text_frame(b"[%b]" % b",".join(waiting)))
            waiting, size = [], 0
    if waiting:
        made.append(text_frame(b"[%b]" % b",".join(waiting)))
    return made
