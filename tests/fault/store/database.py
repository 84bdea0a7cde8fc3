"""A PostgreSQL beside the server, as a hospital has one: stopped, killed, frozen and started again."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from nightlamp.embedded.child import Account, socket_folder
from nightlamp.embedded.postgresql import EmbeddedPostgresql

from .line import Line, Loop


class Database:
    """One cluster behind a line that can fail; `url` is what the server is given."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.loop = folder, Loop()
        self._folder.mkdir(exist_ok=True)
        self._server: EmbeddedPostgresql | None = None
        self.start()
        self.line = Line(self.loop, socket_folder(folder, Account.find()) / ".s.PGSQL.5432")
        self.url = f"postgresql://postgres@127.0.0.1:{self.line.port}/nightlamp"

    @property
    def direct_url(self) -> str:
        """Past the line."""
        assert self._server is not None
        return self._server.url

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._server = self.loop.run(EmbeddedPostgresql.start(self._folder))

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is the fast shutdown, SIGQUIT a crash."""
        postmaster = self._processes()[0]
        postmaster.send_signal(how)
        self.loop.run(self._gone())

    async def _gone(self) -> None:
        async with asyncio.timeout(30):
            while self._server is not None and self._server.running:  # noqa: ASYNC110 (a process has no event)
                await asyncio.sleep(0.02)

    def freeze(self) -> None:
        """Stop all its processes where they stand."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Let them go on."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def _processes(self) -> list[psutil.Process]:
        pid = int((self._folder / "postgresql" / "postmaster.pid").read_text().split()[0])
        postmaster = psutil.Process(pid)
        return [postmaster, *postmaster.children()]

    def fetch(self, query: str, *arguments: Any) -> Sequence[asyncpg.Record]:
        """Rows of a query, past the line."""

        async def ask() -> Sequence[asyncpg.Record]:
            assert self._server is not None
            connection = await asyncpg.connect(self._server.url, timeout=30)
            try:
                return list(await connection.fetch(query, *arguments))
            finally:
                await connection.close()

        return self.loop.run(ask())

    def value(self, query: str, *arguments: Any) -> Any:
        """The first value of the first row."""
        return self.fetch(query, *arguments)[0][0]

    def close(self) -> None:
        """End everything."""
        self.line.refuse()
        if self._server is not None:
            self.thaw()
            self.loop.run(self._server.stop())
        self.loop.close()
