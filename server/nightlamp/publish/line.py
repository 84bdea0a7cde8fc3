"""uvicorn's WebSocket with two things more: shared frames, and an end for who does not read (P5).

Whole frames, made once for many clients, are written as they are. The application finds it in the ASGI scope, under
`extensions`, as `LINE`; under another server it finds nothing there and sends as ASGI says. Nothing may be compressed
(`ws_per_message_deflate=False`), or such frames could not be shared.

uvicorn closes a line once all that waits for it was sent, which never comes true of a client that does not read. Here
it is dropped after `write_timeout_s` without room for more; what is left to send as it is to be closed has as long. Of
the pings that come meanwhile only the newest is answered, once there is room (RFC 6455, section 5.5.2).
"""

import asyncio
from typing import Any, Protocol, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINE = "nightlamp.line"


class Line(Protocol):
    """A connection that takes frames."""

    @property
    def has_room(self) -> bool:
        """Whether the client reads as fast as it is written to, and is there."""
        ...

    def write_frames(self, frames: bytes) -> None:
        """Frames, end to end; never waits. Only while `has_room`."""
        ...


def framed(write_timeout_s: float) -> type[asyncio.Protocol]:
    """The protocol class for `uvicorn.Config(ws=...)`."""
    return cast(type[asyncio.Protocol], type("FramedLine", (_FramedLine,), {"write_timeout_s": write_timeout_s}))


class _FramedLine(WebSocketsSansIOProtocol):
    """One connection."""

    write_timeout_s: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stalled: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._pong = b""

    def handle_connect(self, event: Any) -> None:
        """As uvicorn does; the application's first step comes after this, and finds the line in its scope."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            extensions: Any = self.scope["extensions"]
            extensions[LINE] = self

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self._stalled or self.loop.call_later(self.write_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()
        pong, self._pong = self._pong, b""
        if pong and not self.transport.is_closing():
            self.transport.write(pong)

    def handle_ping(self) -> None:
        pongs = self.conn.data_to_send()  # to every ping of one read, at the first of them
        if self.writable.is_set():
            self.transport.write(b"".join(pongs))
        elif pongs:
            self._pong = pongs[-1]

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._leave()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if not self.writable.is_set():
            self.transport.abort()  # it was given its time to take the closing frame
        elif not self.disconnected:
            self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._stalled, self._leaving):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _leave(self) -> None:
        """It is to be closed, as soon as it has read what is left for it or its time is over."""
        self._leaving = self._leaving or self.loop.call_later(self.write_timeout_s, self.transport.abort)

    @property
    def has_room(self) -> bool:
        """As `Line`."""
        return self.writable.is_set() and not (self.close_sent or self.disconnected or self.transport.is_closing())

    def write_frames(self, frames: bytes) -> None:
        """As `Line`."""
        self.transport.write(frames)


def line_of(scope: Any) -> Line | None:
    """The line under a WebSocket scope, where it has one."""
    found: Line | None = (scope.get("extensions") or {}).get(LINE)
    return found
