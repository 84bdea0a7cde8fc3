"""The HTTP line under the application, bounded before anything of ours runs (P5).

uvicorn's httptools protocol reads a head of any length for any time, waits for ever for a client that does not read,
and once its limit of connections is reached refuses everybody, also those who were there before. Here:

- a head takes at most `head_bytes_max` bytes (431) and `head_timeout_s` (408), counted from the connection or from the
  first byte after the answer before; what is trickled in behind an answer nobody waited for is cut off likewise;
- what is no body (chunk sizes and extensions, trailers) may be eight times the body and `head_bytes_max` more (431);
- who does not read what it asked for is dropped after `write_timeout_s`, also where the line is to be closed anyway;
- at most `PIPELINE_MAX` requests wait behind another on one line, more end it: each is an object of kilobytes, and one
  read may hold a thousand;
- connections beyond `concurrency_max` are told 503 and closed at once; those that stand are not affected.

What is refused is answered behind what came whole before it: a request that waits for the journal gets its own answer,
the last one says `connection: close`, and nothing that comes after is read. An upgrade waits for no other answer.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from nightlamp.errors import Problem
from nightlamp.receive.direct import PATH, Direct, Headers, Post
from nightlamp.receive.hl7v2 import ANSWER_TYPE

#: Requests that wait for the answer before theirs on one line.
PIPELINE_MAX = 16
#: The smallest chunk is one byte in six; senders of such are slow, not hostile.
FRAMING_SHARE_MAX = 8
_ACCEPTED = b"content-type: " + ANSWER_TYPE.encode() + b"\r\ncache-control: no-store\r\n"
_ACCEPTED_LAST = _ACCEPTED + b"connection: close\r\n"


@dataclass(frozen=True, slots=True)
class LineLimits:
    """What one line, and all of them, may take."""

    concurrency_max: int
    head_bytes_max: int
    head_timeout_s: float
    write_timeout_s: float


def bounded(limits: LineLimits, direct: Direct | None = None) -> type[asyncio.Protocol]:
    """The protocol class for `uvicorn.Config(http=...)`; `direct` takes requests before the application does."""
    return cast(type[asyncio.Protocol], type("BoundedLine", (_BoundedLine,), {"limits": limits, "direct": direct}))


class _BoundedLine(HttpToolsProtocol):
    """One connection."""

    limits: LineLimits
    direct: Direct | None
    cycle: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._framing_bytes = 0
        self._body: asyncio.TimerHandle | None = None
        #: Whether something came since the end of the last request; whether anything more is read at all.
        self._begun, self._deaf = False, False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.concurrency_max:
            self._refuse(503, "overloaded", f"More than {self.limits.concurrency_max} connections.")
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_reading()
        self._forget_writing()
        self._forget_body()
        if type(self.cycle) is Post:
            self.cycle.left()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf or self.transport.is_closing():
            return
        self._framing_bytes += len(data)
        self._begun = True
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._framing_bytes > self.limits.head_bytes_max:
            self._refuse(431, "too_large", f"More than {self.limits.head_bytes_max} bytes that are no body.")
        elif self._idle:
            self._await_next()
        elif self._body is None and type(self.cycle) is Post and self.cycle.more_body:
            too_slow = Problem(408, "too_slow", "The body did not arrive in time.")
            self._body = self.loop.call_later(self.cycle.body_timeout_s, self.cycle.refuse, too_slow)

    @property
    def _idle(self) -> bool:
        """Whether every request so far has its whole answer."""
        return self.cycle is None or self.cycle.response_complete

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= PIPELINE_MAX:
            self.transport.abort()
            raise httptools.HttpParserError("too many requests at once")
        self._forget_reading()
        self._framing_bytes = 0
        if self.direct is not None and self.url == PATH and self._directly(self.direct):
            return
        super().on_headers_complete()

    def _directly(self, direct: Direct) -> bool:
        """Whether this request goes the short way: nothing is under way before it, and it is ordinary."""
        if not self._idle:
            return False
        parser = self.parser
        if parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return False
        post = direct.begin(self, self.headers, keep_alive=parser.should_keep_alive())
        if post is None:
            return False
        self.cycle = post
        return True

    def answered(self, post: Post, status: int, headers: Headers, content: bytes) -> None:
        """Write a direct answer, and go on to the next request."""
        self._forget_body()
        if self.transport.is_closing():
            return
        self.transport.write(_head(self.server_state.default_headers, status, headers, len(content), post) + content)
        if not post.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_body(self, body: bytes) -> None:
        self._framing_bytes = max(0, self._framing_bytes - (1 + FRAMING_SHARE_MAX) * len(body))
        if type(self.cycle) is not Post:
            super().on_body(body)
        elif self.cycle.more_body:
            self.cycle.add(body)

    def on_message_complete(self) -> None:
        self._framing_bytes, self._begun = 0, False
        if type(self.cycle) is not Post:
            super().on_message_complete()
        elif self.cycle.more_body:
            self._forget_body()
            self.cycle.complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._leave()

    def resume_writing(self) -> None:
        if not self.transport.is_closing():
            self._forget_writing()
        super().resume_writing()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._leave()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._leave()

    def handle_websocket_upgrade(self) -> None:
        if self._idle and not self.flow.write_paused:
            super().handle_websocket_upgrade()
        else:
            self._refuse(400, "malformed", "An upgrade must wait for the answers to what was asked before.")

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "malformed", msg)

    def _await_next(self) -> None:
        """Behind the last answer: who has begun to say more is to end it, who has not may stay as on any idle line."""
        if self._begun:
            if self._reading is None:
                self._await_head()
            return
        self._forget_reading()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _await_head(self) -> None:
        timeout_s = self.limits.head_timeout_s
        told = (408, "too_slow", f"No request was complete within {timeout_s:g} s.")
        self._reading = self.loop.call_later(timeout_s, self._refuse, *told)

    def _forget_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _forget_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _forget_body(self) -> None:
        if self._body is not None:
            self._body.cancel()
            self._body = None

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Say why, behind the answers that are due, and close the line."""
        if self._deaf or self.transport.is_closing():
            return
        problem, cycle = Problem(status, code, detail), self.cycle
        if not self._idle and (self.pipeline or not cycle.more_body):
            self._deaf = True
            cycle.keep_alive = False
            if cycle.more_body:  # it is the one that is refused, and waits for others
                self.pipeline[0] = (cycle, cast(ASGI3Application, problem.response()))
            return
        if self._idle or not cycle.response_started:
            self.transport.write(_answer(problem))
        self.transport.close()
        self._leave()

    def _leave(self) -> None:
        """Who does not take what is left for it, in time, does not keep the line."""
        self._writing = self._writing or self.loop.call_later(self.limits.write_timeout_s, self.transport.abort)


def _head(always: Headers, status: int, headers: Headers, content_length: int, post: Post) -> bytes:
    """The head of a direct answer; `always` is what uvicorn puts into every answer (Date)."""
    lines = [STATUS_LINE[status]]
    for name, value in always:
        lines += (name, b": ", value, b"\r\n")
    if headers:
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        if not post.keep_alive and not any(name == b"connection" for name, _ in headers):
            lines.append(b"connection: close\r\n")
    else:
        lines.append(b"content-length: %d\r\n%b" % (content_length, _ACCEPTED if post.keep_alive else _ACCEPTED_LAST))
    lines.append(b"\r\n")
    return b"".join(lines)


def _answer(problem: Problem) -> bytes:
    """An answer by hand: there is no request it could belong to."""
    said = problem.response()
    head = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}", "connection: close"]
    head += [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in said.raw_headers]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + bytes(said.body)
