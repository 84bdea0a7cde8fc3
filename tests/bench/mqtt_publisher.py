"""A lean QoS 1 publisher (MQTT 3.1.1), the same for every receiver: packets encoded before the clock starts, PUBACKs
counted.

One process, one thread, a few connections with a window of unacknowledged publishes each. At full speed it fills
every window; at a rate it sends what is due about once a millisecond, and latencies count from the time the first of
those was due to the last one's PUBACK.
"""

import itertools
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field

BEDS = 64
#: Every message goes to a bed in its turn and is a reading of its own: an id that never comes again, its time.
TOPIC, EVERY_TOPIC = b"nightlamp/v1/icu/%02d/vitals", "nightlamp/v1/icu/+/vitals"
PAYLOAD = (
    b'{"id":"%010d","device":"sim-00001","time":%013d,"observations":[{"code":"8867-4","value":%d,"unit":"/min"}]}'
)
PAYLOAD_BYTES = len(PAYLOAD % (0, 0, 70))
TICK_S = 0.001
SILENCE_S_MAX = 20.0


class Stalled(Exception):
    """No acknowledgement came for a long time."""


@dataclass
class Connection:
    """One TCP connection with its own packet ids; PUBACKs are 4 bytes and come in order."""

    stream: socket.socket
    quota: int
    packets: memoryview
    sent: int = 0
    acknowledged: int = 0
    rest: int = 0
    noted: int = 0
    #: When the first message of each burst was due: (messages sent with it, time).
    due: list[tuple[int, float]] = field(default_factory=list)


_numbers = itertools.count(1)


def publish_packets(count: int) -> bytes:
    """PUBLISHes of QoS 1 with packet ids from 1 on, all of one length."""
    at_ms, made = int(time.time() * 1000), []
    size = 2 + len(TOPIC % 0) + 2 + PAYLOAD_BYTES
    head = b"\x32" + _length(size) + struct.pack("!H", len(TOPIC % 0))
    for at, number in zip(range(count), _numbers, strict=False):
        packet_id = struct.pack("!H", at % 65_535 + 1)
        made.append(b"".join((head, TOPIC % (number % BEDS), packet_id, PAYLOAD % (number, at_ms, 60 + number % 30))))
    return b"".join(made)


def _length(number: int) -> bytes:
    found = b""
    while True:
        number, digit = divmod(number, 128)
        found += bytes([digit | (128 if number else 0)])
        if not number:
            return found


def connect(port: int, name: str, user: str = "", password: str = "") -> socket.socket:
    """A connection that was welcomed. Raises ConnectionError."""
    stream = socket.create_connection(("127.0.0.1", port))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    words = [name.encode(), *([user.encode(), password.encode()] if user else [])]
    payload = b"".join(struct.pack("!H", len(word)) + word for word in words)
    body = b"\0\4MQTT\4" + bytes([0xC2 if user else 0x02]) + b"\0\x3c" + payload
    stream.sendall(b"\x10" + _length(len(body)) + body)
    answer = stream.recv(4, socket.MSG_WAITALL)
    if answer[:1] != b"\x20" or answer[3:] != b"\0":
        raise ConnectionError(f"not welcomed: {answer.hex()}")
    return stream


class Publisher:
    """Connections to one port."""

    def __init__(self, port: int, connections: int, window: int, user: str = "", password: str = "") -> None:
        self.window = window
        self._streams = [connect(port, f"publisher-{n}", user, password) for n in range(connections)]
        self._size = len(publish_packets(1))

    def close(self) -> None:
        """Leave."""
        for stream in self._streams:
            stream.sendall(b"\xe0\0")
            stream.close()

    def flood(self, count: int) -> float:
        """Publish `count` messages as fast as windows allow; seconds until the last PUBACK. Raises Stalled."""
        began = self.prepared(count)
        return time.monotonic() - began

    def prepared(self, count: int) -> float:
        """As `flood`; the monotonic clock when all was encoded and the first was sent."""
        lines = self._lines(count)
        began = time.monotonic()
        with selectors.DefaultSelector() as ready:
            for line in lines:
                ready.register(line.stream, selectors.EVENT_READ, line)
                self._send(line, min(self.window, line.quota))
            left = sum(line.quota for line in lines)
            while left:
                events = ready.select(SILENCE_S_MAX)
                if not events:
                    raise Stalled(f"{left} of {count} publishes are not acknowledged")
                for key, _ in events:
                    line = key.data
                    left -= self._acknowledge(line)
                    self._send(line, min(line.quota - line.sent, self.window - (line.sent - line.acknowledged)))
        return began

    def paced(self, rate: float, seconds: float) -> list[float]:
        """Publish on schedule; the latency of every message, seconds from when it was due. Raises Stalled."""
        lines = self._lines(round(rate * seconds))
        latencies: list[float] = []
        total = sum(line.quota for line in lines)
        sent, began = 0, time.perf_counter()
        heard = began
        with selectors.DefaultSelector() as ready:
            for line in lines:
                ready.register(line.stream, selectors.EVENT_READ, line)
            while len(latencies) < total:
                now = time.perf_counter()
                due = min(total, int((now - began) * rate))
                turn = 0
                while sent < due:
                    line = lines[turn % len(lines)]
                    some = min(line.quota - line.sent, -(-(due - sent) // len(lines)), due - sent)
                    if some > 0:
                        # The first of them was due longest ago: all are counted from there.
                        line.due.append((line.sent + some, began + sent / rate))
                        self._send(line, some)
                        sent += some
                    turn += 1
                for key, _ in ready.select(TICK_S if sent < total else SILENCE_S_MAX):
                    line = key.data
                    self._acknowledge(line)
                    heard = time.perf_counter()
                    _note(line, latencies, heard)
                if time.perf_counter() - heard > SILENCE_S_MAX:
                    raise Stalled(f"{total - len(latencies)} of {total} publishes are not acknowledged")
        return latencies

    def _lines(self, count: int) -> list[Connection]:
        share, more = divmod(count, len(self._streams))
        quotas = [share + (n < more) for n in range(len(self._streams))]
        return [
            Connection(stream, quota, memoryview(publish_packets(quota)))
            for stream, quota in zip(self._streams, quotas, strict=True)
        ]

    def _send(self, line: Connection, count: int) -> None:
        if count > 0:
            at = line.sent * self._size
            line.stream.sendall(line.packets[at : at + count * self._size])
            line.sent += count

    def _acknowledge(self, line: Connection) -> int:
        found = line.stream.recv(65_536)
        if not found:
            raise ConnectionError("the receiver hung up")
        whole, line.rest = divmod(line.rest + len(found), 4)
        line.acknowledged += whole
        return whole


def _note(line: Connection, latencies: list[float], now: float) -> None:
    """Latencies of the bursts that have been acknowledged whole."""
    done = 0
    for count, due in line.due:
        if count > line.acknowledged:
            break
        latencies.extend([now - due] * (count - line.noted))
        line.noted = count
        done += 1
    del line.due[:done]
