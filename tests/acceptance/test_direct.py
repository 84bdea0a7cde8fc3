"""The short way of HL7 posts (receive/direct.py): the same promises on one line, whatever else is on it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from messages import acknowledgement, admission, unique, vitals
from running_server import RunningServer
from waiting import until

HL7 = "application/hl7-v2"


class Line:
    """A raw connection: what an HTTP library would smooth over is sent as it stands."""

    def __init__(self, server: RunningServer, taken: socket.socket) -> None:
        self._key, self._socket, self._held = server.keys["ehr"], taken, b""

    def head(self, length: int | None, *more: str, path: str = "/v1/hl7v2") -> bytes:
        lines = [f"POST {path} HTTP/1.1", "Host: here", f"Authorization: Bearer {self._key}", f"Content-Type: {HL7}"]
        lines += [] if length is None else [f"Content-Length: {length}"]
        return "\r\n".join([*lines, *more, "", ""]).encode()

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def answer(self) -> tuple[int, dict[str, str], str]:
        """The next answer: status, headers, body."""
        head = self._until(b"\r\n\r\n").decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        length = int(headers["content-length"])
        while len(self._held) < length:
            self._more()
        body, self._held = self._held[:length], self._held[length:]
        return int(head[0].split(" ")[1]), headers, body.decode()

    def closed(self) -> bool:
        """Whether the server closes the line, and says nothing more."""
        try:
            return self._held == b"" and self._socket.recv(1) == b""
        except ConnectionResetError:  # as TCP has it, where something sent was not read any more
            return True

    def _until(self, end: bytes) -> bytes:
        while end not in self._held:
            self._more()
        found, _, self._held = self._held.partition(end)
        return found

    def _more(self) -> None:
        said = self._socket.recv(65_536)
        assert said, "the line was closed"
        self._held += said


@contextmanager
def _line(server: RunningServer) -> Iterator[Line]:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as taken:
        yield Line(server, taken)


def _message(control_id: str) -> bytes:
    return vitals(f"P{unique()}", {"8867-4": ("80", "/min")}, control_id=control_id).encode()


def _told(body: str) -> list[str]:
    return acknowledgement(body)["MSA"][0][1:3]


def test_posts_that_are_sent_before_the_answer_are_answered_in_order_and_once(server: RunningServer) -> None:
    ids = [f"D{unique()}" for _ in range(6)]
    with _line(server) as line:
        bodies = [_message(one) for one in ids]
        line.send(b"".join(line.head(len(body)) + body for body in bodies))
        assert [(status, _told(body)) for status, _, body in (line.answer() for _ in ids)] == [
            (200, ["AA", one]) for one in ids
        ]
        line.send(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n")
        assert line.answer()[0] == 200


def test_a_body_in_pieces_is_one_message(server: RunningServer) -> None:
    body = _message(control_id := f"D{unique()}")
    with _line(server) as line:
        line.send(line.head(len(body)))
        for at in range(0, len(body), 40):
            line.send(body[at : at + 40])
        status, headers, said = line.answer()
        assert (status, _told(said)) == (200, ["AA", control_id])
        assert headers["content-type"] == "application/hl7-v2; charset=utf-8"


def test_the_short_and_the_long_way_say_the_same(server: RunningServer) -> None:
    """A chunked body goes the long way: the copy it brings is answered as the first was, header by header."""
    body = vitals(f"P{unique()}", {"8867-4": ("80", "furlong")}, control_id=f"D{unique()}").encode()
    with _line(server) as line:
        line.send(line.head(len(body)) + body)
        short = line.answer()
        line.send(
            line.head(None, "Transfer-Encoding: chunked") + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        )
        long = line.answer()
    assert (short[0], set(short[1])) == (long[0], set(long[1]))
    first, second = acknowledgement(short[2]), acknowledgement(long[2])
    assert (first["MSA"], first["ERR"]) == (second["MSA"], second["ERR"])


def test_a_line_that_is_to_be_closed_is(server: RunningServer) -> None:
    body = _message(control_id := f"D{unique()}")
    with _line(server) as line:
        line.send(line.head(len(body), "Connection: close") + body)
        status, headers, said = line.answer()
        assert (status, headers["connection"], _told(said)) == (200, "close", ["AA", control_id])
        assert line.closed()


def test_p4_a_sender_that_leaves_inside_a_body_is_counted_as_refused(server: RunningServer) -> None:
    def counted() -> tuple[float, float]:
        found = server.metrics()
        return found["nightlamp_receive_http_messages_total"], found.get("nightlamp_receive_http_refused_total", 0)

    messages, refused = counted()
    with _line(server) as line:
        line.send(line.head(500) + b"MSH|")
        line.send(b"^~")
    until(lambda: counted() == (messages + 1, refused + 1))


def test_an_admission_of_a_revoked_key_is_refused_on_a_line_that_stands(server: RunningServer) -> None:
    made = server.command("keys", "create", "--role", "ehr", "--source", "hl7_http").stdout.strip()
    body = admission(f"P{unique()}", "U", unique()).encode()
    with _line(server) as line:
        line._key = made

        def status() -> int:
            line.send(line.head(len(body)) + body)
            return line.answer()[0]

        until(lambda: status() == 200)
        server.command("keys", "revoke", made.split("_")[1])
        until(lambda: status() == 401)


#: What may come behind a message that waits for the journal, on the same line and in the same segment.
BEHIND = {
    "no HTTP at all": b"what is this?\r\n\r\n",
    "a head that is too long": b"GET /livez HTTP/1.1\r\nX: " + b"a" * 700_000,
    "an upgrade to a WebSocket": b"GET /v1/stream HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
}


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("framing", ["short", "long"])
def test_p1_a_message_is_answered_for_itself_whatever_comes_behind_it(
    server: RunningServer, name: str, framing: str
) -> None:
    body = _message(control_id := f"D{unique()}")
    with _line(server) as line:
        if framing == "short":
            line.send(line.head(len(body)) + body + BEHIND[name])
        else:
            chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
            line.send(line.head(None, "Transfer-Encoding: chunked") + chunk + BEHIND[name])
        status, headers, said = line.answer()
        assert (status, _told(said)) == (200, ["AA", control_id])
        if "connection" not in headers:  # the disk was faster than 700,000 bytes
            assert (name, line.answer()[0]) == ("a head that is too long", 431)
        assert line.closed()


def test_a_refusal_waits_for_the_answers_before_it(server: RunningServer) -> None:
    """A body that is no HTTP, of a request behind two others: both are answered whole, then it is."""
    body = _message(control_id := f"D{unique()}")
    with _line(server) as line:
        asks = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n" + line.head(len(body)) + body
        line.send(asks + line.head(None, "Transfer-Encoding: chunked") + b"no length\r\n")
        assert line.answer()[0] == 200
        status, _, said = line.answer()
        assert (status, _told(said)) == (200, ["AA", control_id])
        status, headers, said = line.answer()
        assert (status, headers["connection"], json.loads(said)["code"]) == (400, "close", "malformed")
        assert line.closed()
