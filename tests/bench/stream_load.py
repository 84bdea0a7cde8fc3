"""50 raw WebSocket clients in one thread: they read and discard until each has the bytes it waits for."""

import base64
import os
import selectors
import socket
import struct
import time
from typing import Any

CLIENTS = 50
SILENCE_S_MAX = 20.0
SUBSCRIBE = b'{"subscribe":{"units":"*"},"resume":null}'


class Clients:
    """Connections that were accepted and, of nightlamp, have subscribed."""

    def __init__(self, port: int, path: str = "/v1/stream", key: str = "", subscribe: bool = False) -> None:
        self._streams = [_connect(port, path, key) for _ in range(CLIENTS)]
        if subscribe:
            for stream in self._streams:
                stream.sendall(_masked(SUBSCRIBE))
        self.quiet()

    def quiet(self, for_s: float = 0.5) -> None:
        """Read what comes unasked, until nothing does (heartbeats go on)."""
        until = time.monotonic() + for_s
        with selectors.DefaultSelector() as ready:
            for stream in self._streams:
                ready.register(stream, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0:
                for key, _ in ready.select(left):
                    sock: Any = key.fileobj
                    sock.recv(1 << 20)

    def until(self, bytes_each: int) -> float:
        """Read until every client has this many bytes; the monotonic clock then. Raises TimeoutError."""
        counts = dict.fromkeys(self._streams, 0)
        buffer = bytearray(1 << 20)
        with selectors.DefaultSelector() as ready:
            for stream in self._streams:
                ready.register(stream, selectors.EVENT_READ, stream)
            left = len(counts)
            while left:
                events = ready.select(SILENCE_S_MAX)
                if not events:
                    raise TimeoutError(
                        f"{left} of {CLIENTS} clients wait, the slowest has {min(counts.values()):,} bytes"
                    )
                for key, _ in events:
                    found = key.data.recv_into(buffer)
                    if not found:
                        raise ConnectionError("the server hung up")
                    before = counts[key.data]
                    counts[key.data] = before + found
                    left -= before < bytes_each <= before + found
        return time.monotonic()

    def close(self) -> None:
        """Hang up."""
        for stream in self._streams:
            stream.close()


def _connect(port: int, path: str, key: str) -> socket.socket:
    stream = socket.create_connection(("127.0.0.1", port))
    nonce = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {nonce}", "Sec-WebSocket-Version: 13"]
    if key:
        lines += [f"Authorization: Bearer {key}", "Sec-WebSocket-Protocol: nightlamp.v1"]
    stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += (said := stream.recv(1))
        if not said:
            break
    if b" 101 " not in answer:
        raise ConnectionError(answer[:100].decode("latin-1"))
    return stream


def _masked(text: bytes) -> bytes:
    """A text frame of a client, below 126 bytes."""
    return struct.pack("!BBI", 0x81, 0x80 | len(text), 0) + text
