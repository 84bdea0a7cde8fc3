"""PostgreSQL is away while a ward sends: memory, alerts, the backlog, and that every row is there once afterwards.

python -m tests.fault.store.outage                           60 s under 5,000 messages a second; exits 1 where a figure
                                                             that issue 4 requires is missed
python -m tests.fault.store.outage --seconds 10 --rate 500   shorter; --how freeze: it hangs instead of being shut down
python -m tests.fault.store.outage --together                eight observations a message: most of the memory is
                                                             then what windows take, whether it is away or not
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests/, as pytest's pythonpath has it

from running_server import RunningServer, start_server
from waiting import until

from nightlamp.embedded.redis import EmbeddedRedis

from .canary import Canary
from .database import Database
from .watch import metrics, rss_mib, stored_all

ROOT = Path(__file__).resolve().parents[3]
WARD = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "nightlamp-loadtest"
GROWTH_MIB_MAX, DRAIN_MIN, LATE_S_MAX = 64.0, 4.0, 5.0
DRAIN_S_MAX = 300.0
#: Between two looks at the metrics: each costs the server some milliseconds.
POLL_S = 0.5


class Ward:
    """The simulated ward: eight messages a second of each bed with one observation each, or five with eight."""

    def __init__(self, server: RunningServer, rate: int, *, together: bool) -> None:
        environment = os.environ | {
            "NIGHTLAMP_EHR_KEY": server.keys["ehr"],
            "NIGHTLAMP_MQTT_USER": server.key_id("device"),
            "NIGHTLAMP_MQTT_PASSWORD": server.keys["device"],
        }
        argv = [str(WARD), "ward", "--json", "--connections", "16", "--duration-s", "0"]
        if together:
            argv += ["--beds", str(max(1, rate // 5)), "--interval-ms", "200"]
        else:
            argv += ["--beds", str(max(1, rate // 8)), "--interval-ms", "1000", "--apart"]
        argv += ["--http", server.url, "--mqtt", f"127.0.0.1:{server.mqtt_port}"]
        self._process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)

    def stop(self) -> dict[str, Any]:
        """End it after everything sent was acknowledged; its totals."""
        self._process.send_signal(signal.SIGINT)
        said, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, said
        return dict(json.loads(said.strip().splitlines()[-1]))


def run(
    folder: Path,
    *,
    rate: int,
    seconds: float,
    warm_s: float,
    calm_s: float,
    how: str = "shutdown",
    together: bool = False,
    keep_log: Path | None = None,
) -> dict[str, Any]:
    """The whole story; figures. Raises AssertionError where a row is missing or doubled."""
    database = Database(folder / "database")
    redis = database.loop.run(EmbeddedRedis.start(folder / "redis"))
    data = folder / "server"
    data.mkdir()
    url = database.url if how in {"silent", "refuse"} else database.direct_url
    server = start_server(data, DATABASE__URL=url, REDIS__URL=redis.url)
    try:
        ward = Ward(server, rate, together=together)
        figures = _story(server, database, redis.url, ward, rate, seconds, warm_s, calm_s, how)
        figures["stored"] = _compare(server, database)
        return figures
    finally:
        server.stop()
        if keep_log is not None:
            keep_log.write_text(server.log)
        database.loop.run(redis.stop())
        database.close()


def _story(
    server: RunningServer,
    database: Database,
    redis_url: str,
    ward: Ward,
    rate: int,
    seconds: float,
    warm_s: float,
    calm_s: float,
    how: str,
) -> dict[str, Any]:
    canary = Canary(server, redis_url)
    until(lambda: metrics(server).get("store_frames_total", 0) > rate)
    time.sleep(warm_s)
    calm = _sample(server, calm_s)
    goes, comes = _outage(database, how)
    began = time.monotonic()
    goes()
    away = _sample(server, seconds)
    ended = time.monotonic()
    comes()
    drained = _drain(server)
    over = time.monotonic()
    sent = ward.stop()
    canary.stop()
    stored_all(server)
    after = metrics(server)
    return {
        "asked": {"rate": rate, "seconds": seconds, "how": how, "cores": os.cpu_count()},
        "arrived_per_s": {"before": calm["frames_per_s"], "away": away["frames_per_s"]},
        "rss_growth_mib": {"before": calm["growth_mib"], "before_s": calm_s, "away": away["growth_mib"]},
        "alerts": {
            "before": canary.late_s(began - calm_s, began),
            "away": canary.late_s(began, ended),
            "draining": canary.late_s(ended, over),
        },
        "drain": drained,
        "store_failures": after["store_failures_total"],
        "spooled_batches": after["store_batches_spooled_total"],
        "sent": sent,
    }


def _outage(database: Database, how: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """What makes it go, and come back."""
    return {
        "shutdown": (database.stop, database.start),
        "freeze": (database.freeze, database.thaw),
        "silent": (lambda: setattr(database.line, "silent", True), lambda: setattr(database.line, "silent", False)),
        "refuse": (database.line.refuse, database.line.open),
    }[how]


def _sample(server: RunningServer, seconds: float) -> dict[str, float]:
    """How much arrived and how much the server grew, at most, in so many seconds."""
    began, first = time.monotonic(), metrics(server)
    least = most = rss_mib(server)
    while time.monotonic() < began + seconds:
        time.sleep(0.25)
        most = max(most, rss_mib(server))
    spent = time.monotonic() - began
    frames = metrics(server)["journal_durable_seq"] - first["journal_durable_seq"]
    return {"frames_per_s": round(frames / spent), "growth_mib": round(most - least, 1)}


def _drain(server: RunningServer) -> dict[str, Any]:
    """Until the backlog is gone, under traffic: how many frames were stored a second, how many arrived."""
    first = last = metrics(server)
    began = at = time.monotonic()
    waiting = first["store_frames_waiting"]
    while last["store_frames_waiting"] > max(0.02 * waiting, 1) and time.monotonic() < began + DRAIN_S_MAX:
        time.sleep(POLL_S)
        last, at = metrics(server), time.monotonic()
    spent = at - began
    stored = last["store_frames_total"] - first["store_frames_total"]
    arrived = last["journal_durable_seq"] - first["journal_durable_seq"]
    return {
        "backlog_frames": waiting,
        "seconds": round(spent, 2),
        "stored_per_s": round(stored / spent),
        "arrived_per_s": round(arrived / spent),
        "times_the_arrival": round(stored / max(arrived, 1), 2),
    }


def _compare(server: RunningServer, database: Database) -> dict[str, int]:
    """What the engine made and what the tables hold: equal, and nothing twice."""
    made = metrics(server)
    tables = {"observations": "observations_kept", "scores": "scores_stored", "dead_letters": "dead_letters"}
    found = {}
    for table, counter in tables.items():
        query = f"SELECT count(*) AS rows, count(DISTINCT (seq, ordinal)) AS distinct FROM {table}"
        rows = database.fetch(query)[0]
        assert rows["rows"] == rows["distinct"], (table, dict(rows))
        assert rows["rows"] == made[f"pipeline_{counter}_total"], (table, dict(rows), made[f"pipeline_{counter}_total"])
        found[table] = rows["rows"]
    return found


def missed(figures: dict[str, Any]) -> list[str]:
    """What issue 4 requires and these figures do not reach."""
    found = []
    grown = figures["rss_growth_mib"]
    if grown["away"] > GROWTH_MIB_MAX:
        calm = f"{grown['before']} MiB in {grown['before_s']:.0f} s before"
        found.append(f"memory grew by {grown['away']} MiB while away, more than {GROWTH_MIB_MAX} ({calm})")
    if (times := figures["drain"]["times_the_arrival"]) < DRAIN_MIN:
        found.append(f"the backlog drained at {times} times the arrival rate, less than {DRAIN_MIN}")
    for channel in ("stream", "redis"):
        alerts = figures["alerts"]["away"]
        if alerts[channel]["told"] < alerts["sent"] or alerts[channel].get("max_s", 0) > LATE_S_MAX:
            found.append(f"alerts on {channel}: {alerts[channel]} of {alerts['sent']}")
    return found


def main() -> int:
    """Run it, print the figures; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm", type=float, default=20)
    parser.add_argument("--how", choices=["shutdown", "freeze", "silent", "refuse"], default="shutdown")
    parser.add_argument("--together", action="store_true", help="eight observations in each message instead of one")
    parser.add_argument("--log", type=Path, default=None, help="keep the server's log here")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightlamp-outage-") as folder:
        figures = run(
            Path(folder),
            rate=wanted.rate,
            seconds=wanted.seconds,
            warm_s=wanted.warm,
            calm_s=wanted.seconds,
            how=wanted.how,
            together=wanted.together,
            keep_log=wanted.log,
        )
    print(json.dumps(figures, indent=1))
    for line in (found := missed(figures)):
        print(f"MISSED: {line}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
