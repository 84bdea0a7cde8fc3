"""What a hub writes to 50 consoles that watch everything, through real sockets to readers in a process of their own.

    python -m tests.bench.fanout [--clients 50] [--body 120] [--batch 16] [--seconds 5] [--runs 5]

A message is a patient's state of `--body` bytes (a real one is 1 to 4 kB); `--batch` of them, of patients of their own,
are offered at once and leave in one WebSocket frame. The readers count the bytes of whole frames. `--alone` writes as
uvicorn does, one console after the other, without shared frames: the same work, in the same run of the machine.
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import time
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from nightlamp import __version__
from nightlamp.publish import Hub, PublishLimits, router
from nightlamp.publish.line import framed
from tests.bench.figures import Figure, emit

PATIENTS = 4_096


class Batch:
    """Messages as the pipeline hands them over."""

    def __init__(self, messages: list[tuple[str, str, str, int, bytes]]) -> None:
        self.messages = messages


class Viewer:
    """Who sees everything."""

    units = None
    reads_words = True


async def _anybody(_: object) -> Viewer:
    return Viewer()


class Reader(asyncio.BufferedProtocol):
    """Shakes hands, subscribes, then counts bytes."""

    def __init__(self) -> None:
        self.buffer, self.bytes, self.ready = bytearray(1 << 20), 0, False
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        head = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        transport.write(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode())

    def get_buffer(self, _: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        if not self.ready:
            self.ready = True
            said = b'{"subscribe":{"units":"*"},"resume":null}'
            self.transport.write(bytes((0x81, 0x80 | len(said), 0, 0, 0, 0)) + said)
        self.bytes += count


async def _read(port: int, wanted: argparse.Namespace, go: Any, said: Any) -> None:
    loop = asyncio.get_running_loop()
    readers = [(await loop.create_connection(Reader, "127.0.0.1", port))[1] for _ in range(wanted.clients)]
    await asyncio.sleep(1.5)
    go.set()
    await asyncio.sleep(0.5)
    before, began, cpu = sum(reader.bytes for reader in readers), time.perf_counter(), time.process_time()
    await asyncio.sleep(wanted.seconds)
    spent, used = time.perf_counter() - began, time.process_time() - cpu
    told = sum(reader.bytes for reader in readers) - before
    least = min(reader.bytes for reader in readers)
    said.put((told / spent, used / spent, least))
    for reader in readers:
        reader.transport.abort()


def _readers(port: int, wanted: argparse.Namespace, go: Any, said: Any) -> None:
    uvloop.run(_read(port, wanted, go, said))


async def _serve(wanted: argparse.Namespace) -> dict[str, Any]:
    limits = PublishLimits(patient_gap_s=0.0, heartbeat_s=3_600.0, subscribe_s_max=30)
    hub, app = Hub("bench", limits=limits), FastAPI()
    app.include_router(router(hub, _anybody))
    ws = "websockets-sansio" if wanted.alone else framed(30.0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws=ws, ws_per_message_deflate=False))
    spawn = multiprocessing.get_context("spawn")
    go, said = spawn.Event(), spawn.Queue()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        readers = spawn.Process(target=_readers, args=(listener.getsockname()[1], wanted, go, said))
        readers.start()
        while not go.is_set():  # noqa: ASYNC110 (of another process)
            await asyncio.sleep(0.05)
        cpu, began = time.process_time(), time.perf_counter()
        offered = 0
        body = b'{"p":"%b"}' % (b"x" * (wanted.body - 8))
        rounds = [
            [("patient", "U", f"p{n}", 1 << 16, body) for n in range(at, at + wanted.batch)]
            for at in range(0, PATIENTS, wanted.batch)
        ]
        while said.empty():
            hub.offer(Batch(rounds[offered % len(rounds)]))
            offered += 1
            await asyncio.sleep(0)
            if offered % 64 == 0:
                await asyncio.sleep(0.0002)
        bytes_per_s, reader_cores, least = said.get()
        spent = time.perf_counter() - began
        used = time.process_time() - cpu
        server.should_exit = True
        await serving
        readers.join()
    per_message = wanted.body + 1 + (4 + 1) / wanted.batch
    return {
        "messages_per_s": round(bytes_per_s / per_message),
        "ws_frames_per_s": round(bytes_per_s / per_message / wanted.batch),
        "mb_per_s": round(bytes_per_s / 1e6),
        "server_cores": round(used / spent, 2),
        "reader_cores": round(reader_cores, 2),
        "least_read_bytes": least,
        "conflated": hub.stats.patients_conflated,
    }


def main() -> None:
    """Print a line a run, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--body", type=int, default=120)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--alone", action="store_true")
    wanted = parser.parse_args()
    runs = []
    for _ in range(wanted.runs):
        runs.append(uvloop.run(_serve(wanted)))
        print(json.dumps(runs[-1]), flush=True)
    what = f"WebSocket frames of {wanted.batch} states of {wanted.body} bytes to {wanted.clients} clients"
    frames = [float(one["ws_frames_per_s"]) for one in runs]
    included = "hub, conflation, per-client scope; readers in a process of their own count whole frames"
    emit(Figure("stream.frames", what, "nightlamp", __version__, "frames/s", "higher", included, True, runs=frames))


if __name__ == "__main__":
    main()
