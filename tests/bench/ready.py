"""Start to ready: from the start of the process until /readyz says yes, with PostgreSQL, Redis and all shipped models.

Run it: python -m tests.bench.ready. `again`: a data folder whose databases exist and whose journal is empty; `first`:
a new folder, in which PostgreSQL's files are made. Ready means 200 on /readyz, asked every 5 ms.
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from nightlamp import __version__
from tests.bench.figures import Side, compare
from tests.running_server import _keys, launch, start_server

READY_S_MAX = 60.0


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as name:
        kept = Path(name)
        server = start_server(kept)
        server.stop()

        def again() -> float:
            return _ready(kept, server.environment)

        side = Side(
            "nightlamp", __version__, again, "embedded PostgreSQL and Redis, shipped models, empty journal", True
        )
        compare("start.again", "start to ready, databases exist", "s", "lower", [side], 5)

    def first() -> float:
        with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as new:
            return _ready(Path(new), server.environment)

    side = Side("nightlamp", __version__, first, "making PostgreSQL's files and the schema included", True)
    compare("start.first", "start to ready, a new data folder", "s", "lower", [side], 5)


def _ready(folder: Path, environment: dict[str, str]) -> float:
    """Seconds until it is ready; then it is stopped."""
    where = folder / "server.json"
    _keys(folder)
    where.unlink(missing_ok=True)
    began = time.perf_counter()
    process = launch(folder, environment | {"NIGHTLAMP_DATA_DIR": str(folder)})
    try:
        url = _told(where, began)
        with httpx.Client(base_url=url) as client:
            key = {"Authorization": f"Bearer {_keys(folder)['sre']}"}
            while client.get("/readyz", headers=key).status_code != 200:
                _not_forever(began)
                time.sleep(0.005)
        return time.perf_counter() - began
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _told(where: Path, began: float) -> str:
    while True:
        try:
            return str(json.loads(where.read_text())["http_url"])
        except (FileNotFoundError, ValueError):
            _not_forever(began)
            time.sleep(0.005)


def _not_forever(began: float) -> None:
    if time.perf_counter() - began > READY_S_MAX:
        raise TimeoutError("not ready in time")


if __name__ == "__main__":
    main()
