"""uvicorn's WebSocket with one thing more: whole frames, made once for many clients, are written as they are.

The application finds it in the ASGI scope, under `extensions`, as `LINE`; under another server it finds nothing there
and sends as ASGI says. Nothing may be compressed (`ws_per_message_deflate=False`), or such frames could not be shared.
"""

from typing import Any, Protocol

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


class FramedSocket(WebSocketsSansIOProtocol):
    """The protocol class for `uvicorn.Config(ws=...)`."""

    def handle_connect(self, event: Any) -> None:
        """As uvicorn does; the application's first step comes after this, and finds the line in its scope."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            extensions: Any = self.scope["extensions"]
            extensions[LINE] = self

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
