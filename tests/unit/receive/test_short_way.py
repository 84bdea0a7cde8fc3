"""The short way where the core itself fails: the sender is told in HL7, the message is counted, the line lives on."""

from collections.abc import Sequence
from typing import Any

import pytest

from nightlamp._core import Decoder
from nightlamp.receive import hl7v2
from nightlamp.receive.direct import Post
from nightlamp.receive.door import Door, DoorCounts
from nightlamp.receive.receipts import Receipts


class Panic(BaseException):
    """As pyo3 raises a panic of the core: no Exception."""


class Taken:
    """A message that was taken, whose answer cannot be made."""

    last_seq, messages, refused = 0, 1, ()

    def ack(self, *_: object) -> bytes:
        raise Panic


class Core:
    """The core's half of the door, failing where it is told to."""

    def __init__(self, where: str) -> None:
        self._where = where

    def take(self, *_: object) -> Taken:
        if self._where == "take":
            raise Panic
        return Taken()


class Line:
    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []

    def answered(self, post: Post, status: int, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> None:
        self.answers.append((status, content))


@pytest.mark.parametrize("where", ["take", "ack"])
async def test_p4_a_panic_is_an_ar_and_counted_as_refused(where: str) -> None:
    nothing: Any = None
    receipts = Receipts(nothing, 10, 1.0)
    door = Door(nothing, nothing, Decoder("{}"), nothing, Core(where), receipts, DoorCounts(), 1 << 20, 1.0)  # type: ignore[arg-type]
    line = Line()
    post = Post(door, line, "key", "", 4, keep_alive=True)
    post.add(b"MSH|")
    post.complete()
    ((status, content),) = line.answers
    assert status == 500
    assert b"\rMSA|AR\r" in content
    assert (door.counts.messages[hl7v2.DOOR], dict(door.counts.refused)) == (1, {"internal": 1})
    assert post.response_complete
