"""MQTT QoS 1 to durable to PUBACK: nightlamp's listener with its journal, and the whole engine behind the same
listener.

Run it: python -m tests.bench.mqtt. The sender is tests/bench/mqtt_publisher.py on the same two cores: 8 connections
with 128 publishes in flight each. The bare door is tests/bench/peers/rust (door.rs), built by `make bench`. Latency:
100,000 publishes a second for 3 s a run, from when a publish was due to its PUBACK, 99th percentile.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nightlamp import _core
from tests.bench.figures import Side, compare
from tests.bench.mqtt_publisher import PAYLOAD, Publisher
from tests.bench.runner import ROOT

DOOR = ROOT / ".cache/peers/target/release/door"
SECRET = "bench-secret-1"
CONNECTIONS, WINDOW = 8, 128
MESSAGES = 300_000
PACED_PER_S, PACED_S = 100_000, 3.0
WHAT = f"publishes of {len(PAYLOAD)} bytes, QoS 1"
LISTENER = "every PUBACK after fdatasync of the journal"


@contextmanager
def door() -> Iterator[int]:
    """The port of a bare listener with its journal."""
    if not DOOR.exists():
        raise FileNotFoundError(f"{DOOR.relative_to(ROOT)} is not built: make bench builds it")
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder, _process([str(DOOR), folder]) as port:
        yield port


@contextmanager
def engine() -> Iterator[int]:
    """The port of an engine that decodes, windows and scores what it is sent."""
    with (
        tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder,
        _process([sys.executable, "-m", "tests.bench.mqtt", folder]) as port,
    ):
        yield port


@contextmanager
def _process(argv: list[str]) -> Iterator[int]:
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
        process.stdin.close()
        process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def flooded(publisher: Publisher, messages: int = MESSAGES) -> Callable[[], float]:
    """Measures publishes a second."""
    return lambda: messages / publisher.flood(messages)


def p99_ms(publisher: Publisher) -> float:
    """99th percentile of a run on schedule, milliseconds."""
    return statistics.quantiles(publisher.paced(PACED_PER_S, PACED_S), n=100)[98] * 1e3


def main() -> None:
    """Measure and print."""
    with door() as bare, engine() as whole:
        listener = Publisher(bare, CONNECTIONS, WINDOW, "bench", SECRET)
        route = Publisher(whole, CONNECTIONS, WINDOW, "bench", SECRET)
        version = _core.__version__
        names = ("nightlamp, listener and journal", "nightlamp, whole engine")
        more = f"{LISTENER}; decode of every message on the same two cores"
        sides = [
            Side(names[0], version, flooded(listener), LISTENER, True),
            Side(names[1], version, flooded(route), more, True),
        ]
        compare("mqtt.ours", f"{WHAT}, to PUBACK", "messages/s", "higher", sides, 5)
        sides = [
            Side(names[0], version, lambda: p99_ms(listener), LISTENER, True),
            Side(names[1], version, lambda: p99_ms(route), more, True),
        ]
        compare("mqtt.p99", f"{WHAT}, p99 to PUBACK at {PACED_PER_S:,}/s", "ms", "lower", sides, 5)
        listener.close()
        route.close()


def serve(folder: Path) -> None:
    """An engine in this process until standard input ends; somebody takes its batches and calls them stored."""
    import hashlib
    import threading

    config = {"site_key_hex": "00" * 32, "mqtt": {"listen": {"host": "127.0.0.1", "port": 0}}}
    made = _core.Engine(str(folder), json.dumps(config).encode())
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    made.set_credentials(json.dumps([{"id": "bench", "hash": f"sha256:{digest}", "units": ["*"]}]).encode())
    made.start(0)
    over = threading.Event()

    def take() -> None:
        while not over.is_set():
            if batch := made.next_batch(100):
                made.stored(batch.last_seq)

    taking = threading.Thread(target=take)
    taking.start()
    print(made.mqtt_port(), flush=True)
    sys.stdin.read()
    over.set()
    taking.join()
    made.stop()


if __name__ == "__main__":
    serve(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
