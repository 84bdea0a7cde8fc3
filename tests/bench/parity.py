"""Recorded patients through the running server, held against the offline path: how exact, how fast, how much memory.

    python -m tests.bench.parity [--patients 5000] [--data ../shared/data/physionet2019] [--bundle models/sepsis/2.0.0]

Prints one JSON object. Sender, server, PostgreSQL and Redis share this machine. Ends with 1 unless parity holds.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from nightlamp.bundles import bundles
from nightlamp.cli.parity import settings
from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.parity import run
from nightlamp.parity.offline import Bundle
from nightlamp.settings import Models
from tests.running_server import start_server

SHARED = Path(os.environ.get("NIGHTLAMP_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def main() -> int:
    """Start a server, send, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=5_000)
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "physionet2019")
    parser.add_argument("--bundle", type=Path, help="folder of a bundle; the newest sepsis, if absent")
    wanted = parser.parse_args()
    if not wanted.data.is_dir():
        print(f"{wanted.data} is absent: the PhysioNet/CinC Challenge 2019 training sets, open access at PhysioNet")
        return 0
    folder = wanted.bundle or next(one for one in bundles(Models()) if one.parent.name == "sepsis")
    bundle = Bundle(folder)
    began = time.monotonic()
    sent = run.load(wanted.data, wanted.patients)
    read_s = time.monotonic() - began
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as name:
        server = start_server(Path(name), **settings(bundle.folder))
        used = Used(server.process.pid)
        try:
            where = run.Server(
                server.url, server.keys["admin"], ("127.0.0.1", server.mqtt_port), EmbeddedPostgresql.url_of(Path(name))
            )
            found = run.run(bundle, sent, where, "both", lambda *_: None)
        finally:
            used.stop()
            server.stop()
    stored_s = found["seconds"]["until_stored"]
    found["seconds"]["reading_the_files"] = round(read_s, 1)
    found["frames_per_s"] = round(found["server"]["frames_decoded"] / stored_s)
    found["values_per_s"] = round(found["values_sent"] / stored_s)
    found["server_rss_mib_max"], found["server_cpu_s"] = used.rss_max >> 20, round(used.cpu_s, 1)
    print(json.dumps(found, indent=2))
    return 0 if found["parity"]["holds"] else 1


class Used:
    """What the server's own process uses, PostgreSQL and Redis not counted."""

    def __init__(self, pid: int) -> None:
        self._process, self._done = psutil.Process(pid), threading.Event()
        self.rss_max, self.cpu_s = 0, 0.0
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def _look(self) -> None:
        while not self._done.wait(0.5):
            self.rss_max = max(self.rss_max, self._process.memory_info().rss)
            times: Any = self._process.cpu_times()
            self.cpu_s = times.user + times.system

    def stop(self) -> None:
        """The last look has been taken."""
        self._done.set()
        self._watch.join()


if __name__ == "__main__":
    sys.exit(main())
