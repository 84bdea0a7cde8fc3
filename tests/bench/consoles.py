"""Many consoles in one process of their own: each watches one unit; one a unit reads, the others only count.

Latency is from a reading's own time, the heart rate's `at_ms`, to its arrival here; each reading counts once a console.
The first `WARM_S` seconds after the first reading, in which the patients are admitted, are left out.
"""

import asyncio
import multiprocessing
import os
import time
from typing import Any

import orjson
import uvloop

WARM_S = 5.0


class Console(asyncio.Protocol):
    """One console: shakes hands, subscribes, reads or counts."""

    def __init__(self, key: str, unit: str, latencies_ms: list[tuple[float, float]] | None) -> None:
        self._key, self._unit, self._latencies_ms = key, unit, latencies_ms
        self._held, self._newest, self._open = bytearray(), dict[str, int](), False
        self.bytes = 0
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        head = f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._key}\r\nUpgrade: websocket\r\n"
        head += f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n"
        transport.write(head.encode())

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        if not self._open:
            self._held += data
            if (end := self._held.find(b"\r\n\r\n")) < 0:
                return
            assert self._held.startswith(b"HTTP/1.1 101"), bytes(self._held[:80])
            self._open, data, self._held = True, bytes(self._held[end + 4 :]), bytearray()
            said = orjson.dumps({"subscribe": {"units": [self._unit]}, "resume": None})
            self._transport.write(bytes((0x81, 0x80 | len(said), 0, 0, 0, 0)) + said)
        if self._latencies_ms is not None:
            self._held += data
            self._frames()

    def _frames(self) -> None:
        now_ms, held = time.time() * 1_000, self._held
        while len(held) >= 2:
            length, at = held[1] & 0x7F, 2
            if length >= 126:
                at = 4 if length == 126 else 10
                if len(held) < at:
                    return
                length = int.from_bytes(held[2:at], "big")
            if len(held) < at + length:
                return
            if held[0] == 0x81:
                self._read(bytes(held[at : at + length]), now_ms)
            del held[: at + length]

    def _read(self, text: bytes, now_ms: float) -> None:
        assert self._latencies_ms is not None
        for message in orjson.loads(text):
            if message["type"] != "patient" or (rate := message["vitals"].get("HR")) is None:
                continue
            patient, at_ms = message["patient"], rate["at_ms"]
            if self._newest.get(patient) != at_ms:
                self._newest[patient] = at_ms
                self._latencies_ms.append((now_ms, now_ms - at_ms))


async def _watch(host: str, port: int, key: str, units: list[str], count: int, stop: Any, said: Any) -> None:
    latencies_ms: list[tuple[float, float]] = []
    consoles = []
    for place in range(count):
        read = latencies_ms if place < len(units) else None
        unit = units[place % len(units)]
        _, console = await asyncio.get_running_loop().create_connection(
            lambda unit=unit, read=read: Console(key, unit, read),  # type: ignore[misc]
            host,
            port,
        )
        consoles.append(console)
    said.put("here")
    while not stop.is_set():  # noqa: ASYNC110 (of another process)
        await asyncio.sleep(0.1)
    warm_ms = (latencies_ms[0][0] if latencies_ms else 0.0) + WARM_S * 1_000
    kept = [took_ms for at_ms, took_ms in latencies_ms if at_ms >= warm_ms]
    if os.environ.get("NIGHTLAMP_BENCH_SECONDS"):
        _print_seconds(latencies_ms)
    said.put((kept, sum(console.bytes for console in consoles), time.process_time()))


def _print_seconds(latencies_ms: list[tuple[float, float]]) -> None:
    """Median, 99th of a hundred and largest of each second, for whoever looks for what holds up."""
    by_second: dict[int, list[float]] = {}
    for at_ms, took_ms in latencies_ms:
        by_second.setdefault(int(at_ms / 1_000), []).append(took_ms)
    for second, took in sorted(by_second.items()):
        took.sort()
        print(
            second % 1_000,
            len(took),
            *(round(took[len(took) * q // 100]) for q in (50, 99)),
            round(took[-1]),
            flush=True,
        )


def _process(*wanted: Any) -> None:
    uvloop.run(_watch(*wanted))


class Consoles:
    """The process."""

    def __init__(self, url: str, key: str, units: list[str], count: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._stop, self._said = spawn.Event(), spawn.Queue()
        host, port = url.removeprefix("http://").split(":")
        self._process = spawn.Process(
            target=_process, args=(host, int(port), key, units, count, self._stop, self._said)
        )
        self._process.start()
        self._said.get(timeout=60)

    def stop(self) -> tuple[list[float], int, float]:
        """Latencies in milliseconds, bytes read by all, CPU seconds."""
        self._stop.set()
        found: tuple[list[float], int, float] = self._said.get(timeout=60)
        self._process.join()
        return found
