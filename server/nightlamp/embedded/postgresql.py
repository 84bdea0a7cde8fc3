"""The private PostgreSQL: the wheel's programs, a cluster in `<data>/postgresql`, a Unix socket only.

Who may enter its socket folder (0700) may connect; nothing listens on the network. Its log is one file a weekday of
at most 16 MiB and holds neither statements nor values (promise P6).
"""

import asyncio
import signal
from concurrent.futures import Future
from pathlib import Path
from urllib.parse import quote

import asyncpg

from .child import Account, Child, EmbeddedError, end_leftover, socket_folder
from .cluster import is_made, make, programs

START_S_MAX, POLL_S = 60.0, 0.01
DATABASE = "nightlamp"
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_file_mode": "0600",
    "log_rotation_age": "1d",
    "log_rotation_size": "16MB",
    "log_truncate_on_rotation": "on",
    # Details, hints and statements of errors can carry values.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
}


class EmbeddedPostgresql:
    """A running private PostgreSQL."""

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
    def url_of(cls, data: Path) -> str:
        """How the server of this data folder is reached, whoever started it."""
        return _url(socket_folder(data.resolve(), Account.find()))

    @classmethod
    async def start(cls, data: Path, made: Future[None] | None = None) -> "EmbeddedPostgresql":
        """Make the cluster at the first start, end a leftover server, start, and wait until it answers.

        `made`: the cluster is being made already.
        """
        account = await asyncio.to_thread(Account.find)
        cluster = data / "postgresql"
        logs = account.own(data / "log")
        sockets = socket_folder(data, account)
        if made is not None:
            await asyncio.wrap_future(made)
        elif not is_made(data):
            await asyncio.to_thread(make, data)
        account.own(cluster)
        urgent = [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL]
        await end_leftover(cluster / "postmaster.pid", str(cluster), urgent, each_s=10)
        settings = _SETTINGS | {"unix_socket_directories": str(sockets), "log_directory": str(logs)}
        argv = [str(programs() / "postgres"), "-D", str(cluster)]
        argv += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        child = await Child.start("postgresql", argv, account, signal.SIGINT, data / "log" / "postgresql-start.log")
        server = cls(child, _url(sockets))
        try:
            await server._ready(sockets, logs)
        except BaseException:
            await child.stop(10)
            raise
        return server

    async def _ready(self, sockets: Path, logs: Path) -> None:
        """Wait until it answers, and make the database."""
        for _ in range(int(START_S_MAX / POLL_S)):
            try:
                connection = await asyncpg.connect(host=str(sockets), port=5432, user="postgres", database="postgres")
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if not self._child.running:
                    raise EmbeddedError(f"the embedded PostgreSQL stopped at its start; see {logs}") from None
                await asyncio.sleep(POLL_S)
                continue
            try:
                if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                    await connection.execute(f'CREATE DATABASE "{DATABASE}"')
            finally:
                await connection.close()
            return
        raise EmbeddedError(f"the embedded PostgreSQL did not answer within {START_S_MAX:.0f} s; see {logs}")

    async def stop(self) -> None:
        """Stop it in order (fast shutdown), at most 10 s."""
        await self._child.stop(10)


def _url(sockets: Path) -> str:
    return f"postgresql://postgres@/{DATABASE}?host={quote(str(sockets))}&port=5432"
