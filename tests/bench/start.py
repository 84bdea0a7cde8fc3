"""From `nightlamp serve` to ready with an empty data folder, private PostgreSQL and Redis included, and its parts.

    python -m tests.bench.start [--runs 5]

`ready_s` is by the clock, until server.json says where the server listens. The parts are measured one by one: in a
start the cluster is made while Python imports the libraries, and PostgreSQL and Redis start side by side.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nightlamp.embedded import cluster
from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.embedded.redis import EmbeddedRedis
from nightlamp.store import Store
from tests.running_server import start_server


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _imports(what: str) -> float:
    return _timed(lambda: subprocess.run([sys.executable, "-c", what], check=True))


async def _parts(data: Path) -> dict[str, float]:
    found = {
        "python alone": _imports("pass"),
        "imports: settings and command line": _imports("import nightlamp.cli.root"),
        "imports: everything": _imports("import nightlamp.cli.root, nightlamp.app, uvloop"),
        "initdb": _timed(lambda: cluster.make(data)),
    }
    began = time.perf_counter()
    postgresql = await EmbeddedPostgresql.start(data)
    found["PostgreSQL start and CREATE DATABASE"] = time.perf_counter() - began
    began = time.perf_counter()
    redis = await EmbeddedRedis.start(data)
    found["Redis start"] = time.perf_counter() - began
    store = await Store.connect(postgresql.url)
    began = time.perf_counter()
    await store.migrate()
    found["schema and partitions"] = time.perf_counter() - began
    await store.close()
    await redis.stop()
    await postgresql.stop()
    return found


def _ready(folder: Path) -> tuple[float, float]:
    began = time.perf_counter()
    server = start_server(folder)
    first = time.perf_counter() - began
    server.stop()
    began = time.perf_counter()
    again = start_server(folder)
    second = time.perf_counter() - began
    again.stop()
    return first, second


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    wanted = parser.parse_args()
    # As it is installed: compiled once, by whoever starts first.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    _imports("import nightlamp.cli.root, nightlamp.app, uvloop")
    starts, parts = [], []
    for _ in range(wanted.runs):
        with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
            starts.append(_ready(Path(folder)))
        with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
            parts.append(asyncio.run(_parts(Path(folder))))
    told = {
        "ready_s, empty folder": statistics.median(first for first, _ in starts),
        "ready_s, second start": statistics.median(second for _, second in starts),
        "parts_s": {name: round(statistics.median(one[name] for one in parts), 2) for name in parts[0]},
        "load": os.getloadavg(),
    }
    print(json.dumps({name: round(one, 2) if isinstance(one, float) else one for name, one in told.items()}, indent=2))


if __name__ == "__main__":
    main()
