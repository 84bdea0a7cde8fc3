"""Both databases of the store: the embedded PostgreSQL of the product and Debian's TimescaleDB in a chroot."""

import asyncio
import itertools
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.store import Store

SCRIPT = Path(__file__).resolve().parents[3] / "deploy/timescaledb-chroot.sh"
CANNOT_RUN_HERE = 77


def _embedded(folder: Path) -> Iterator[str]:
    """A running embedded PostgreSQL, kept by a loop of its own for the whole session."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(EmbeddedPostgresql.start(folder), loop).result(60)
    try:
        yield server.url
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _timescale() -> Iterator[str]:
    name = f"tests-{os.getpid()}"
    started = subprocess.run([SCRIPT, "start", name], capture_output=True, text=True, check=False)
    if started.returncode == CANNOT_RUN_HERE:
        pytest.skip(f"SKIPPED: no TimescaleDB here: {started.stderr.strip().splitlines()[-1]}")
    assert started.returncode == 0, started.stderr
    try:
        yield started.stdout.strip()
    finally:
        subprocess.run([SCRIPT, "stop", name], check=True)


@pytest.fixture(scope="session", params=["postgresql", "timescaledb"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database on either server."""
    if request.param == "postgresql":
        yield from _embedded(tmp_path_factory.mktemp("embedded"))
    else:
        yield from _timescale()


_numbers = itertools.count()


@pytest.fixture
async def url(server: str) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"test_{next(_numbers)}"
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A store with its schema and three signals."""
    found = await Store.connect(url)
    await found.migrate()
    await found.register([(1, "HR", "/min", "8867-4"), (2, "SBP", "mm[Hg]", "8480-6"), (3, "FiO2", "1", None)])
    yield found
    await found.close()


@pytest.fixture
async def sql(url: str, store: Store) -> AsyncIterator[asyncpg.Connection]:
    """A connection beside the store's own."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()
