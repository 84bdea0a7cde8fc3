"""The short way of `POST /v1/hl7v2`: from the line to the journal and back, without a task or a request object.

It takes what is ordinary and leaves the rest to the application (`http.py`), which says why something is refused: HTTP
1.1, a key in `Authorization` or `X-API-Key` that may use this door, a media type of HL7, a Content-Length of at most
`BYTES_MAX`, room among those who wait for the journal. Promises, answers and counts are those of `hl7v2.py`.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog

from nightlamp.errors import Problem
from nightlamp.identity.roles import Permission

from . import body, hl7v2
from .door import Door

_log = structlog.get_logger("nightlamp.receive")
PATH = hl7v2.PATH.encode()
#: Larger bodies go the long way, which reads them in pieces.
BYTES_MAX = 64 << 10
#: Headers that ask for something the short way does not do.
_ELSEWHERE = frozenset({b"content-encoding", b"transfer-encoding", b"expect", b"upgrade"})
_KNOWN = frozenset({b"content-length", b"content-type", b"authorization", b"x-api-key"})
Headers = Sequence[tuple[bytes, bytes]]


class Line(Protocol):
    """The connection, as far as the short way needs it."""

    def answered(self, post: "Post", status: int, headers: Headers, content: bytes) -> None:
        """Write an answer and go on to the next request."""
        ...


class Direct:
    """Decides which requests go the short way."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._bytes_max = min(BYTES_MAX, door.body_bytes_max)

    def begin(self, line: Line, headers: Headers, *, keep_alive: bool) -> "Post | None":
        """A request for `PATH`, whose head is complete; None where it must go the long way."""
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in _ELSEWHERE:
                return None
            if name in _KNOWN:
                if name in found:
                    return None
                found[name] = value
        length = found.get(b"content-length", b"")
        if not length.isdigit() or len(length) > 7 or not 0 < int(length) <= self._bytes_max:
            return None
        media_type, charset = body.media_type(found.get(b"content-type", b"").decode("latin-1"))
        principal = self._principal(found) if media_type in hl7v2.MEDIA_TYPES else None
        if principal is None:
            return None
        try:
            self.door.receipts.check_room()
        except Problem:
            return None
        return Post(self.door, line, principal, charset, int(length), keep_alive=keep_alive)

    def _principal(self, found: dict[bytes, bytes]) -> str | None:
        """Whose key it is, where it may use this door."""
        scheme, _, bearer = found.get(b"authorization", b"").decode("latin-1").partition(" ")
        text = bearer.strip() if scheme.lower() == "bearer" else found.get(b"x-api-key", b"").decode("latin-1")
        principal = self.door.access.keys.authenticate(text) if text else None
        if principal is None or not principal.may(Permission.INGEST) or hl7v2.DOOR not in principal.sources:
            return None
        return principal.id


class _Nobody:
    """uvicorn wakes a task that is not there."""

    def set(self) -> None:
        """Nothing waits."""


class Post:
    """One request on the short way. To uvicorn it is the request under way, to `Receipts` somebody who waits."""

    __slots__ = (
        *("_chunks", "_door", "_left", "_length", "_line", "charset", "disconnected", "keep_alive", "more_body"),
        *("principal", "response_complete", "response_started", "taken"),
    )
    message_event = _Nobody()

    def __init__(self, door: Door, line: Line, principal: str, charset: str, length: int, *, keep_alive: bool) -> None:
        self._door, self._line, self.principal, self.charset, self._length = door, line, principal, charset, length
        self.keep_alive = keep_alive
        self.more_body, self.disconnected, self.response_started, self.response_complete = True, False, False, False
        self._chunks: list[bytes] = []

    @property
    def body_timeout_s(self) -> float:
        """How long the body may take."""
        return self._door.body_timeout_s

    def add(self, chunk: bytes) -> None:
        """More of the body; the parser gives no more than Content-Length said."""
        self._chunks.append(chunk)

    def complete(self) -> None:
        """The body is whole: screen it, hand it to the journal, wait without holding anything."""
        self.more_body = False
        chunks, door = self._chunks, self._door
        payload = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks = []
        try:
            door.counts.bytes[hl7v2.DOOR] += len(payload)
            self.taken = hl7v2.take(door, payload, self.charset, self.principal)
            if self.taken.last_seq:
                door.receipts.wait(self.taken.last_seq, self)
            else:
                self._answer(None)
        except Problem as problem:
            self._refused(problem)
        except BaseException as error:  # as in `_guarded`
            self._failed(error)

    def refuse(self, problem: Problem) -> None:
        """The body will not be read to its end."""
        self.more_body, self.keep_alive = False, False
        self._refused(problem)

    def _refused(self, problem: Problem) -> None:
        said = hl7v2.refused_unread(self._door, problem)
        self._write(said.status_code, said.raw_headers, bytes(said.body))

    def left(self) -> None:
        """The sender is gone; what it sent whole is journalled and counted all the same."""
        if self.more_body:
            self.more_body = False
            hl7v2.refused_unread(self._door, Problem(400, "malformed", "The sender left before the body was complete."))

    def done(self) -> bool:
        """Never: also who has left is counted."""
        return False

    def set_result(self, _: None, /) -> None:
        """On disk (P1)."""
        self._guarded(None)

    def set_exception(self, exception: BaseException, /) -> None:
        """Not acknowledged."""
        self._guarded(exception if isinstance(exception, Problem) else Problem(503, "overloaded", "Send again."))

    def cancel(self) -> None:
        """The server stops."""
        self._guarded(Problem(503, "overloaded", "The server stops; send again, copies are recognised."))

    def _guarded(self, late: Problem | None) -> None:
        try:
            self._answer(late)
        except BaseException as error:  # a panic is no Exception, and others wait behind this one
            self._failed(error)

    def _answer(self, late: Problem | None) -> None:
        content, refused = hl7v2.settle(self._door, self.taken, late)
        if refused is None:
            self._write(200, (), content)
        else:
            said = hl7v2.response(content, refused)
            self._write(said.status_code, said.raw_headers, content)

    def _failed(self, error: BaseException) -> None:
        _log.error("internal error", route=["v1", "hl7v2"], exc_info=error)
        self._refused(hl7v2.INTERNAL)

    def _write(self, status: int, headers: Headers, content: bytes) -> None:
        if self.response_complete:
            return
        self.response_started = self.response_complete = True
        if not self.disconnected:
            self._line.answered(self, status, headers, content)
