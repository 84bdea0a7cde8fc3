"""What a running server says of itself while a fault is on: metrics, readiness, memory."""

from typing import Any

import psutil
from running_server import RunningServer
from waiting import until


def metrics(server: RunningServer) -> dict[str, float]:
    """Sums over labels, by name without `nightlamp_`."""
    own = "nightlamp_"
    return {name.removeprefix(own): value for name, value in server.metrics().items() if name.startswith(own)}


def ready(server: RunningServer) -> tuple[int, dict[str, Any]]:
    """/readyz: HTTP status, and what it says by stage."""
    with server.client("sre") as sre:
        answer = sre.get("/readyz")
    return answer.status_code, answer.json()["stages"]


def rss_mib(server: RunningServer) -> float:
    """Resident memory of the server's own process, MiB."""
    return float(psutil.Process(server.process.pid).memory_info().rss) / (1 << 20)


def stored_all(server: RunningServer, within_s: float = 90) -> int:
    """Wait until all that is durable now is stored; the last frame."""
    durable = int(metrics(server)["journal_durable_seq"])
    until(lambda: metrics(server)["store_cursor_seq"] >= durable, within_s)
    return durable
