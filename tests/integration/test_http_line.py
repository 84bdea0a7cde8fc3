"""The HTTP line over real sockets: who leaves an answer unread keeps no connection, also where it is to be closed."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn

from nightlamp.http_line import LineLimits, bounded

#: More than the two sockets hold between them, less than the server waits for before it says that it is full.
ANSWER = b"x" * 40_000


async def _app(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
async def test_p5_who_does_not_read_the_last_answer_is_dropped(connection: str) -> None:
    line = bounded(LineLimits(100, 65_536, 10.0, 0.2))
    config = uvicorn.Config(_app, http=line, lifespan="off", log_level="warning", timeout_keep_alive=0.2)  # type: ignore[arg-type]
    server, loop = uvicorn.Server(config), asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(10):
                await until(lambda: server.started)
                await loop.sock_connect(client, listener.getsockname())
                await loop.sock_sendall(client, f"GET / HTTP/1.1\r\nConnection: {connection}\r\n\r\n".encode())
                connections = server.server_state.connections
                await until(lambda: any(one.transport.get_write_buffer_size() for one in connections))
                await until(lambda: not connections)
        finally:
            server.should_exit = True
            await task
