"""Receivers of notifications on 127.0.0.1: a mailbox by SMTP, a pager by webhook. Real sockets, for the real notifier.

A message is at most 64 KiB and a connection lasts at most 30 s; what is longer is cut. Nothing is kept but what
`told` is told.
"""

import asyncio
import contextlib
import email
import email.policy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

MESSAGE_BYTES_MAX = 65_536
CONNECTION_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that arrived. `at`: seconds since 1970."""

    channel: str
    title: str
    text: str
    at: float


class Sink:
    """One receiver; opened and closed as often as one likes, always on the same port."""

    def __init__(self, channel: str, told: Callable[[Delivery], None]) -> None:
        self.channel, self._told = channel, told
        self._port = 0
        self._server: asyncio.Server | None = None
        self._speaking: set[asyncio.Task[None]] = set()

    @property
    def host(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """The address as apprise writes it."""
        raise NotImplementedError

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, limit=MESSAGE_BYTES_MAX)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no longer: who connects is refused, who is connected is cut."""
        if self._server is not None:
            self._server.close()
            self._server = None
        cut = list(self._speaking)
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._speaking.add(task)
        broken = (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError)
        try:
            with contextlib.suppress(*broken):
                async with asyncio.timeout(CONNECTION_S_MAX):
                    await self._speak(reader, writer)
                    await writer.drain()
        finally:
            self._speaking.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    def _arrived(self, title: str, text: str) -> None:
        self._told(Delivery(self.channel, title, text, time.time()))


class Mailbox(Sink):
    """Takes e-mails by SMTP (RFC 5321, no extensions)."""

    @property
    def url(self) -> str:
        """The address as apprise writes it."""
        return f"mailto://{self.host}/?mode=insecure&from=nightlamp@ward.example&to=ward@ward.example"

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = {
            "EHLO": "250 mailbox",
            "HELO": "250 mailbox",
            "MAIL": "250 ok",
            "RCPT": "250 ok",
            "RSET": "250 ok",
            "NOOP": "250 ok",
        }
        writer.write(b"220 mailbox\r\n")
        while line := await reader.readline():
            verb = line[:4].decode("ascii", "replace").strip().upper()
            if verb == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                self._take(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            else:
                writer.write(f"{answers.get(verb, '502 not here')}\r\n".encode())

    def _take(self, raw: bytes) -> None:
        message = email.message_from_bytes(raw[:-5], policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        self._arrived(str(message["Subject"] or ""), body.get_content() if body is not None else "")


class Pager(Sink):
    """Takes JSON by POST."""

    @property
    def url(self) -> str:
        """The address as apprise writes it."""
        return f"json://{self.host}/page"

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lengths = [line.partition(":")[2] for line in head.split("\r\n") if line.startswith("content-length:")]
        body = json.loads(await reader.readexactly(min(int(lengths[0]) if lengths else 0, MESSAGE_BYTES_MAX)))
        self._arrived(str(body.get("title", "")), str(body.get("message", "")))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
