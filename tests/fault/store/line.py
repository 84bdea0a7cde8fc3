"""A TCP proxy that fails on demand: cuts after n bytes, delays, goes silent, refuses.

It runs on an event loop of its own in a thread, so that tests written without one can hold it too.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

CHUNK_BYTES = 64 << 10
T = TypeVar("T")


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], within_s: float = 90) -> T:
        """Run it there, wait for it here."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(within_s)

    def close(self) -> None:
        """End the loop and its thread."""

        async def cancel() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.run(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Line:
    """The line from clients to one server (`upstream`: a Unix socket's path or a host and port).

    `cut_after`: a connection is reset once the client has sent so many bytes since it was set; then it is None again.
    `cut_after_answers`: the same for what the server has sent. `delay_s`: how long each piece from the client waits.
    `silent`: nothing passes, in either direction, and nobody is told: what a broken switch does. `cuts`: how often a
    connection was cut.
    """

    def __init__(self, loop: Loop, upstream: Path | tuple[str, int]) -> None:
        self._loop, self._upstream = loop, upstream
        self.cut_after: int | None = None
        self.cut_after_answers: int | None = None
        self.delay_s, self.silent, self.cuts = 0.0, False, 0
        self._muted: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Listen, on the same port as before."""

        async def start() -> None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

        if self._server is None:
            self._loop.run(start())

    def refuse(self) -> None:
        """Cut every connection and accept no more until `open`."""

        async def stop() -> None:
            if self._server is not None:
                self._server.close()
                self._server = None
            self._cut_all()

        self._loop.run(stop())

    def cut(self) -> None:
        """Reset every connection; new ones are served."""

        async def now() -> None:
            self._cut_all()

        self._loop.run(now())

    def mute(self) -> None:
        """The connections there are now go silent for ever; new ones are served."""

        async def now() -> None:
            self._muted |= self._pairs

        self._loop.run(now())

    def _cut_all(self) -> None:
        for pair in list(self._pairs):
            self._reset(pair)

    def _reset(self, pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        if pair not in self._pairs:
            return
        self._pairs.discard(pair)
        self.cuts += 1
        for writer in pair:
            found: socket.socket = writer.get_extra_info("socket")
            if found.family != socket.AF_UNIX:
                linger = struct.pack("ii", 1, 0)  # close means reset
                with contextlib.suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._upstream, Path):
                there = await asyncio.open_unix_connection(str(self._upstream))
            else:
                there = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, there[1])
        self._pairs.add(pair)
        await asyncio.gather(self._pass(pair, reader, there[1], True), self._pass(pair, there[0], writer, False))

    async def _pass(
        self,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        of_client: bool,
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while piece := await reader.read(CHUNK_BYTES):
                await self._heard(pair)
                if of_client and self.delay_s:
                    await asyncio.sleep(self.delay_s)
                name = "cut_after" if of_client else "cut_after_answers"
                left = getattr(self, name)
                if left is not None and left < len(piece):
                    setattr(self, name, None)
                    writer.write(piece[:left])
                    await writer.drain()
                    await asyncio.sleep(0.05)
                    self._reset(pair)
                    return
                if left is not None:
                    setattr(self, name, left - len(piece))
                writer.write(piece)
                await writer.drain()
        await self._heard(pair)  # whoever went away in silence did so unheard
        self._pairs.discard(pair)
        writer.transport.abort()

    async def _heard(self, pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        while self.silent or pair in self._muted:  # noqa: ASYNC110 (set from another thread)
            await asyncio.sleep(0.02)
