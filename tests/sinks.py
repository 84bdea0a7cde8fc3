"""Receivers of notifications with real sockets, on a thread of their own: they take, refuse, hang, drop, recover."""

import asyncio
import contextlib
import email
import email.policy
import json
import threading
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, Self

#: take: as it should be; refuse: SMTP 550 of the recipient, HTTP 503; hang: nothing is answered; drop: closed at once.
MODES = ("take", "refuse", "hang", "drop")


class Sink:
    """A TCP server on 127.0.0.1. `taken` is what it took, in order, with the time."""

    def __init__(self) -> None:
        self.mode = "take"
        self.status = 503
        self.port = 0
        self.connections = 0
        self.taken: list[Any] = []
        self.taken_at: list[float] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, secret: str = "hunter2") -> str:
        """An apprise URL of it."""
        raise NotImplementedError

    def open(self) -> None:
        """Listen, again on the port of before."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def close(self) -> None:
        """Listen no longer: connections are refused, those that stand are cut."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)

    def wait_for(self, count: int, within_s: float = 20.0) -> list[Any]:
        """What was taken, once it is so much."""
        wait(lambda: len(self.taken) >= count, within_s)
        return self.taken

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        # Connections that are just being made come first: once the server is closed, asyncio fails over them unclosed.
        while making := asyncio.all_tasks() - self._tasks - {asyncio.current_task()}:
            await asyncio.gather(*making, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)

        def end(_: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            writer.transport.abort()

        task.add_done_callback(end)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if self.mode == "hang":
                await asyncio.sleep(3_600)
            elif self.mode != "drop":
                await self._speak(reader, writer)
                writer.close()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    def _take(self, what: Any) -> None:
        self.taken_at.append(time.time())
        self.taken.append(what)


class SmtpSink(Sink):
    """Takes e-mails as RFC 5321 wants it, without extensions."""

    def url(self, secret: str = "hunter2") -> str:
        """An apprise URL of a mailbox here."""
        return (
            f"mailto://lamp:{secret}@127.0.0.1:{self.port}/?mode=insecure&from=lamp@ward.example&to=nurse@ward.example"
        )

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 sink")
        while line := (await reader.readline()).decode().strip():
            match line.split(maxsplit=1)[0].upper():
                case "EHLO" | "HELO":
                    say("250-sink")
                    say("250 AUTH PLAIN LOGIN")
                case "AUTH":
                    say("235 welcome")
                case "MAIL" | "RSET" | "NOOP":
                    say("250 ok")
                case "RCPT":
                    say("550 no such nurse" if self.mode == "refuse" else "250 ok")
                case "DATA":
                    say("354 go on")
                    raw = await reader.readuntil(b"\r\n.\r\n")
                    self._take(email.message_from_bytes(raw[:-5], policy=email.policy.default))
                    say("250 taken")
                case "QUIT":
                    say("221 bye")
                    await writer.drain()
                    return
                case _:
                    say("502 what?")


class WebhookSink(Sink):
    """Takes JSON by POST."""

    def url(self, secret: str = "hunter2") -> str:
        """An apprise URL of a webhook here."""
        return f"json://lamp:{secret}@127.0.0.1:{self.port}/hooks/{secret}?+X-Token={secret}"

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(h.split(":")[1]) for h in head.split("\r\n") if h.lower().startswith("content-length:"))
        body = json.loads(await reader.readexactly(length))
        if self.mode == "refuse":
            writer.write(f"HTTP/1.1 {self.status} no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        else:
            self._take(body)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()


def text_of(message: EmailMessage) -> str:
    """Subject and every text part of an e-mail."""
    parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([str(message["Subject"]), *parts])


def wait(until: Callable[[], bool], within_s: float = 20.0) -> None:
    """Until it is so. Raises AssertionError when it takes longer."""
    end = time.monotonic() + within_s
    while not until():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
