"""What is written to many at once is what those who wrote WebSocket and Redis libraries would have written."""

import json

import pytest
from redis.connection import Connection
from websockets.frames import Frame, Opcode

from nightlamp.publish.frame import frames, text_frame
from nightlamp.publish.redis_line import channel, publish_command


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_frame_is_the_one_of_the_websockets_library(length: int) -> None:
    payload = b"x" * length
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_messages_are_arrays_and_a_frame_ends_at_its_target() -> None:
    bodies = [json.dumps({"n": n}).encode() for n in range(10)]
    made = frames(bodies, bytes_target=3 * len(bodies[0]))
    arrays = [json.loads(one[2:]) for one in made]
    assert [len(one) for one in arrays] == [3, 3, 3, 1]
    assert [message["n"] for one in arrays for message in one] == list(range(10))
    assert frames([], 100) == []


@pytest.mark.parametrize("unit", ["ICU-1", "St. Ägid *", "", "a\r\nPUBLISH b"])
def test_a_command_is_the_one_of_redis_py_and_a_unit_cannot_leave_it(unit: str) -> None:
    body = '{"unit":"Ä\r\n"}'.encode()
    packed = b"".join(Connection().pack_command("PUBLISH", channel(unit, "alerts"), body))
    assert publish_command(unit, "alerts", body) == packed
