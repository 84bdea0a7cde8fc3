"""A lean HTTP/1.1 client for benches: keep-alive connections, requests encoded before the clock starts, answers
counted.

One process, one thread. `flood` keeps one request in flight on each connection; `paced` sends on schedule from
whichever connection is free, and a latency counts from when the request was due. Answers need a Content-Length.
"""

import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

SILENCE_S_MAX = 20.0


class Refused(Exception):
    """An answer was not 200."""


@dataclass(eq=False)
class Connection:
    """One connection with at most one request in flight."""

    stream: socket.socket
    due: float = 0.0
    rest: bytes = b""

    def answered(self) -> bool:
        """Whether the whole answer is here. Raises Refused, ConnectionError."""
        found = self.stream.recv(65_536)
        if not found:
            raise ConnectionError("the server hung up")
        self.rest += found
        head, end, body = self.rest.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise Refused(head.split(b"\r\n")[0].decode("latin-1") + " " + body[:200].decode("latin-1"))
        at = head.lower().index(b"content-length:") + 15
        if len(body) < int(head[at:].split(b"\r\n")[0]):
            return False
        self.rest = b""
        return True


class Client:
    """Connections to one server."""

    def __init__(self, host: str, port: int, connections: int) -> None:
        self._where = (host, port)
        self._idle = [Connection(self._connect()) for _ in range(connections)]

    def _connect(self) -> socket.socket:
        stream = socket.create_connection(self._where)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream

    def _awake(self) -> None:
        """Servers close connections that were idle while others had their turn: open those anew."""
        for connection in self._idle:
            connection.stream.setblocking(False)
            try:
                gone = connection.stream.recv(1, socket.MSG_PEEK) == b""
            except BlockingIOError:
                gone = False
            except OSError:
                gone = True
            connection.stream.setblocking(True)
            if gone:
                connection.stream.close()
                connection.stream = self._connect()

    def close(self) -> None:
        """Hang up."""
        for connection in self._idle:
            connection.stream.close()

    def flood(self, requests: Iterator[bytes], seconds: float) -> float:
        """Answers a second, as fast as one request in flight on each connection allows."""
        self._awake()
        answered, began = 0, time.perf_counter()
        until = began + seconds
        with selectors.DefaultSelector() as ready:
            for connection in self._idle:
                ready.register(connection.stream, selectors.EVENT_READ, connection)
                connection.stream.sendall(next(requests))
            flying = len(self._idle)
            while flying:
                events = ready.select(SILENCE_S_MAX)
                if not events:
                    raise TimeoutError(f"{flying} requests are not answered")
                now = time.perf_counter()
                for key, _ in events:
                    if not key.data.answered():
                        continue
                    answered += 1
                    if now < until:
                        key.data.stream.sendall(next(requests))
                    else:
                        flying -= 1
        return answered / (time.perf_counter() - began)

    def paced(self, requests: Iterator[bytes], rate: float, seconds: float) -> list[float]:
        """Latencies in seconds of requests sent on schedule; those that found no free connection waited for one."""
        self._awake()
        total, sent, latencies = int(rate * seconds), 0, []
        free = deque(self._idle)
        began = time.perf_counter()
        with selectors.DefaultSelector() as ready:
            for connection in self._idle:
                ready.register(connection.stream, selectors.EVENT_READ, connection)
            heard = began
            while len(latencies) < total:
                now = time.perf_counter()
                while free and sent < total and began + sent / rate <= now:
                    connection = free.popleft()
                    connection.due = began + sent / rate
                    connection.stream.sendall(next(requests))
                    sent += 1
                wait = max(began + sent / rate - time.perf_counter(), 0.0) if sent < total and free else SILENCE_S_MAX
                for key, _ in ready.select(wait):
                    if key.data.answered():
                        heard = time.perf_counter()
                        latencies.append(heard - key.data.due)
                        free.append(key.data)
                if time.perf_counter() - heard > SILENCE_S_MAX:
                    raise TimeoutError(f"{total - len(latencies)} requests are not answered")
        return latencies


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A POST request."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
