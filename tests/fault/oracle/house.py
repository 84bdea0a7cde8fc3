"""The server under test with its embedded PostgreSQL and Redis: started, ended, started again, on the same ports."""

import asyncio
import contextlib
import random
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from nightlamp.embedded.postgresql import EmbeddedPostgresql
from tests.fault.oracle import journal
from tests.fault.oracle.disk import Archive, Disk
from tests.fault.oracle.ledger import Address
from tests.fault.oracle.neighbours import Broker, Postgresql
from tests.running_server import RunningServer, launch, start_server

START_S_MAX, STOP_S_MAX = 90.0, 30.0
#: Below the range the system takes outgoing ports from, so that nobody has ours while the server is away.
PORTS = range(20_000, 30_000)
SMALL_JOURNAL = {
    "LIMITS__JOURNAL_SEGMENT_BYTES_MAX": str(1 << 20),
    "LIMITS__JOURNAL_WAITING_BYTES_MAX": str(3 << 19),
}
#: Alerts come and go at once: many of them in a short run.
POLICY = """
[[rule]]
name = "news2-high"
score = "news2"
label = "NEWS2"
severity = "high"
enter = 7
clear = 4
lockout_s = 0

[[rule]]
name = "news2-medium"
score = "news2"
label = "NEWS2"
severity = "medium"
enter = 5
clear = 3
enter_evaluations = 2
clear_evaluations = 2
lockout_s = 0

[[rule]]
name = "qsofa"
score = "qsofa"
label = "qSOFA"
severity = "medium"
enter = 2
clear = 0
lockout_s = 0

[[rule]]
name = "sepsis-high"
score = "sepsis"
label = "Sepsis risk"
severity = "high"
enter = 0.05
clear = 0.03
lockout_s = 0
optional = true
"""


class House:
    """One data folder and the server that lives on it."""

    def __init__(self, folder: Path, *, snapshot_s: int, outside: bool = False, small: bool = False) -> None:
        """`outside`: PostgreSQL and a broker are the hospital's, else PostgreSQL is the server's own. `small`: the data
        folder is a small disk (root only)."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.disk = Disk(folder, mounted=small)
        self._archive = Archive(folder / "journal", folder.with_name(f"{folder.name}-archive"))
        policy = folder / "policy.toml"
        policy.write_text(POLICY)
        self.folder = folder
        self._settings = {
            "HTTP__PORT": str(_free_port()),
            "MQTT__LISTEN__PORT": str(_free_port()),
            "POLICY_FILE": str(policy),
            "JOURNAL__SNAPSHOT_S": str(snapshot_s),
        }
        if small:
            # The journal holds `waiting_bytes_max` of room and up to 4 MiB more: little, so that it is used up.
            self._settings |= SMALL_JOURNAL
        self.postgresql: Postgresql | None = None
        self.broker: Broker | None = None
        if outside:
            beside = folder.with_name(f"{folder.name}-neighbours")
            beside.mkdir(mode=0o711)
            self.postgresql = Postgresql(beside)
            self.broker = Broker(beside, _free_port())
            self._settings |= {"DATABASE__URL": self.postgresql.url, "MQTT__BROKERS": self.broker.setting}
        self.server: RunningServer | None = None
        #: Held by whoever ends or starts the server.
        self.lock = threading.RLock()
        self.starts = 0
        #: Ends nobody ordered, and ends that went otherwise than they should.
        self.surprises: list[str] = []

    def start(self) -> None:
        """Start the server and wait until it is ready."""
        with self.lock:
            self.server = start_server(self.folder, **self._settings)
            self.starts += 1

    @property
    def running(self) -> RunningServer:
        """The server. Raises where there is none."""
        if self.server is None:
            raise RuntimeError("no server was started")
        return self.server

    @property
    def address(self) -> Address:
        """Where the doors are."""
        ports = int(self._settings["HTTP__PORT"]), int(self._settings["MQTT__LISTEN__PORT"])
        return Address(*ports, self.running.keys, self.broker.port if self.broker is not None else 0)

    def end(self, how: signal.Signals) -> float:
        """End it; the seconds it took."""
        with self.lock:
            began = time.monotonic()
            code = self.running.stop(how)
            took_s = time.monotonic() - began
        if code != (0 if how == signal.SIGTERM else -how):
            self.surprises.append(f"exit code {code} after {how.name}")
        return took_s

    def start_and_kill(self, after_s: float) -> None:
        """A start that is killed on its way."""
        with self.lock:
            process = launch(self.folder, self.running.environment)
            time.sleep(after_s)
            process.kill()
            process.wait()

    def close(self) -> None:
        """End the neighbours."""
        self._archive.stop()
        if self.postgresql is not None:
            self.postgresql.stop()
        if self.broker is not None:
            self.broker.end()

    def journal(self) -> Iterator[journal.Record]:
        """All that is in the journal now. Raises JournalError where a segment is just going."""
        return journal.read(self._archive.folder, self.folder / "journal")

    def look_after(self) -> None:
        """A server that ended by itself is noted and started again, as its supervisor would."""
        with self.lock:
            if self.server is not None and (code := self.server.process.poll()) is not None:
                self.surprises.append(f"the server ended by itself with {code}")
                self.start()

    def family(self, name: str) -> list[psutil.Process]:
        """The processes of an embedded server (`postgres`, `redis-server`), its first one first."""
        if name == "postgres" and self.postgresql is not None:
            return self.postgresql.family()
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.running.process.pid).children():
                if child.name() == name:
                    return [child, *child.children(recursive=True)]
        return []

    def metrics(self) -> dict[str, float]:
        """Sums over labels by name. Raises httpx.HTTPError."""
        return self.running.metrics()

    async def connect(self) -> Any:
        """A connection to its database."""
        if self.postgresql is not None:
            return await self.postgresql.connect()
        url = EmbeddedPostgresql.url_of(self.folder)
        return await asyncpg.connect(url, timeout=10, server_settings={"timezone": "UTC", "jit": "off"})

    def execute(self, *statements: str) -> None:
        """Run statements in its database, best effort."""

        async def run() -> None:
            connection = await self.connect()
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                connection.terminate()

        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            asyncio.run(run())

    def copy_for_an_undisturbed_run(self, folder: Path) -> "House":
        """Another house with this one's journal, keys and secrets, but no database and no snapshots."""
        folder.mkdir(mode=0o700, parents=True)
        for name in ("site.key", "keys.json", "test-keys.json", "journal.id"):
            shutil.copy(self.folder / name, folder / name)
        self._archive.complete(folder / "journal")
        house = House(folder, snapshot_s=0)
        house._settings |= {name: self._settings[name] for name in SMALL_JOURNAL if name in self._settings}
        return house


def signal_all(processes: Iterable[psutil.Process], wanted: signal.Signals) -> int:
    """Send a signal to those that are still there; how many."""
    sent = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(wanted)
            sent += 1
    return sent


def _free_port() -> int:
    for _ in range(1_000):
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")
