"""A server that fans messages out to WebSocket clients: python -m tests.bench.stream_server
(nightlamp|broadcast|starlette) BYTES.

Prints its port. For each line `N` on standard input it sends N rounds of 1,000 messages of BYTES bytes to everybody,
a round when the one before has left the process; it prints the monotonic clock as it begins. `nightlamp` is the hub
and its route as the product serves them; `broadcast` is websockets.broadcast; `starlette` awaits send_text of every
client in turn.
"""

import asyncio
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn

#: Patients: one state of each is a round, so nothing is conflated.
ROUND = 1_000
SAMPLE = Path(__file__).resolve().parents[1] / "unit/publish/samples/patient.json"


def messages(size: int) -> list[tuple[str, str]]:
    """(patient, JSON) of a round; `size` 0 takes the sample of docs/messages.md as it is."""
    made = []
    for number in range(ROUND):
        patient = str(uuid.UUID(int=number))
        if size:
            text = f'{{"type":"patient","patient":"{patient}","unit":"ICU-1","at_ms":1760000000000,"pad":"'
            made.append((patient, text + "x" * (size - len(text) - 2) + '"}'))
        else:
            sample = SAMPLE.read_text().strip()
            made.append((patient, sample.replace("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", patient)))
    return made


class Nightlamp:
    """The hub behind the product's own route."""

    def __init__(self, size: int) -> None:
        from dataclasses import dataclass

        from fastapi import FastAPI

        from nightlamp.publish import Hub, PublishLimits, router
        from nightlamp.publish.line import framed

        @dataclass(frozen=True)
        class Viewer:
            units: frozenset[str] | None = None
            reads_words: bool = True

        async def everybody(_scope: object) -> Viewer:
            return Viewer()

        self.line: Any = framed(30.0)
        # No pause between two writes: at full speed there is always more.
        self._hub = Hub("bench", limits=PublishLimits(patient_gap_s=0.0))
        self.app: Any = FastAPI()
        self.app.include_router(router(self._hub, everybody))
        self._rows = [(patient, body.encode()) for patient, body in messages(size)]
        self._cursor = 0

    async def round(self) -> None:
        self._cursor += 1 << 16
        rows = [("patient", "ICU-1", patient, self._cursor, body) for patient, body in self._rows]
        self._hub.offer(_Batch(rows))
        while not self._gone():  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0)

    def _gone(self) -> bool:
        """Whether everything offered has been handed to sockets, for clients of a feed and for those alone."""
        waits = any(feed._pending for feed in self._hub._feeds.values())
        return not waits and all(client.idle for client in self._hub._clients)


class _Batch:
    def __init__(self, rows: list[tuple[str, str, str, int, bytes]]) -> None:
        self.messages = rows


class Starlette:
    """A text message to every client in turn, as tutorials do."""

    def __init__(self, size: int) -> None:
        from fastapi import FastAPI, WebSocket, WebSocketDisconnect

        self.line: Any = "websockets-sansio"
        self._clients: set[Any] = set()
        self._texts = [body for _, body in messages(size)]
        self.app: Any = FastAPI()

        @self.app.websocket("/v1/stream")
        async def stream(socket: WebSocket) -> None:
            await socket.accept()
            self._clients.add(socket)
            try:
                await socket.receive_text()
            except WebSocketDisconnect:
                self._clients.discard(socket)

    async def round(self) -> None:
        for text in self._texts:
            for client in self._clients:
                await client.send_text(text)


async def serve(kind: str, size: int) -> None:
    """Until standard input ends."""
    if kind == "broadcast":
        await _broadcast(size)
        return
    found = {"nightlamp": Nightlamp, "starlette": Starlette}[kind](size)
    # No pings: the clients wait for their turn longer than a ping would.
    config = uvicorn.Config(
        found.app,
        port=0,
        lifespan="off",
        log_level="warning",
        ws=found.line,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    await _rounds(server.servers[0].sockets[0].getsockname()[1], found.round)
    server.should_exit = True
    await task


async def _broadcast(size: int) -> None:
    from websockets.asyncio.server import ServerConnection, broadcast
    from websockets.asyncio.server import serve as listen

    clients: set[ServerConnection] = set()
    texts = [body for _, body in messages(size)]

    async def handler(connection: ServerConnection) -> None:
        clients.add(connection)
        try:
            await connection.wait_closed()
        finally:
            clients.discard(connection)

    async def round_of() -> None:
        for text in texts:
            broadcast(clients, text)
        while any(client.transport.get_write_buffer_size() for client in clients):  # noqa: ASYNC110
            await asyncio.sleep(0)

    async with listen(handler, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        await _rounds(next(iter(server.sockets)).getsockname()[1], round_of)


async def _rounds(port: int, round_of: Callable[[], Awaitable[None]]) -> None:
    print(port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(time.monotonic(), flush=True)
        for _ in range(int(line)):
            await round_of()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
