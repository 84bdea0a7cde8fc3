"""MQTT QoS 1 to durable to PUBACK: nightlamp's listener with its journal, and the whole engine behind the same
listener.

Run it: python -m tests.bench.mqtt. The sender is tests/bench/mqtt_publisher.py on the same two cores: 8 connections
with 128 publishes in flight each. The bare door is tests/bench/peers/rust (door.rs), built by `make bench`. Latency:
100,000 publishes a second for 3 s a run, from when a publish was due to its PUBACK, 99th percentile.
"""

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from nightlamp import _core
from tests.bench.figures import Side, compare
from tests.bench.mqtt_publisher import BEDS, PAYLOAD_BYTES, Publisher
from tests.bench.runner import ROOT

DOOR = ROOT / ".cache/peers/target/release/door"
SECRET = "bench-secret-1"
CONNECTIONS, WINDOW = 8, 128
MESSAGES = 300_000
PACED_PER_S, PACED_S = 100_000, 3.0
WHAT = f"publishes of {PAYLOAD_BYTES} bytes, QoS 1"
LISTENER = "every PUBACK after fdatasync of the journal"
WHOLE = f"{LISTENER}; each decoded, windowed and scored by the rules, rows encoded, on the same cores"


class Receiver:
    """A process with a listener; it ends well where it took everything as it should."""

    def __init__(self, argv: list[str]) -> None:
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def settle(self) -> None:
        """Wait until everything that is durable has been through the pipeline. Of the engine alone."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        if self._line() != "settled\n":
            raise RuntimeError("the engine did not get through")

    def end(self) -> None:
        """Stop it. Raises RuntimeError."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait(60):
            raise RuntimeError("the receiver did not take everything as it should")

    def kill(self) -> None:
        """Whatever happened."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def _receiver(argv: list[str]) -> Iterator[Receiver]:
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
        receiver = Receiver([*argv, folder])
        try:
            yield receiver
            receiver.end()
        finally:
            receiver.kill()


@contextmanager
def receivers() -> Iterator[dict[str, tuple[Receiver, Publisher]]]:
    """A bare listener with its journal, and an engine that decodes, windows and scores what it is sent."""
    if not DOOR.exists():
        raise FileNotFoundError(f"{DOOR.relative_to(ROOT)} is not built: make bench builds it")
    with _receiver([str(DOOR)]) as bare, _receiver([sys.executable, "-m", "tests.bench.mqtt"]) as whole:
        found = {"door": bare, "engine": whole}
        made = {name: (one, Publisher(one.port, CONNECTIONS, WINDOW, "bench", SECRET)) for name, one in found.items()}
        yield made
        for _, publisher in made.values():
            publisher.close()


def sides(found: dict[str, tuple[Receiver, Publisher]]) -> list[Side]:
    """Publishes a second of both."""
    (engine, route), (_, listener) = found["engine"], found["door"]

    def scored() -> float:
        began = route.prepared(MESSAGES)
        engine.settle()
        return MESSAGES / (time.monotonic() - began)

    version = _core.__version__
    return [
        Side("nightlamp, listener and journal", version, flooded(listener), LISTENER, True),
        Side("nightlamp, whole engine, until scored", version, scored, WHOLE, True),
    ]


def flooded(publisher: Publisher, messages: int = MESSAGES) -> Callable[[], float]:
    """Measures publishes a second until the last PUBACK."""
    return lambda: messages / publisher.flood(messages)


def p99_ms(publisher: Publisher) -> float:
    """99th percentile of a run on schedule, milliseconds."""
    return statistics.quantiles(publisher.paced(PACED_PER_S, PACED_S), n=100)[98] * 1e3


def main() -> None:
    """Measure and print."""
    with receivers() as found:
        compare("mqtt.ours", f"{WHAT}, to PUBACK", "messages/s", "higher", sides(found), 5)

        def paced(name: str) -> float:
            receiver, publisher = found[name]
            took = p99_ms(publisher)
            if name == "engine":
                receiver.settle()
            return took

        slow = [
            Side("nightlamp, listener and journal", _core.__version__, lambda: paced("door"), LISTENER, True),
            Side("nightlamp, whole engine", _core.__version__, lambda: paced("engine"), WHOLE, True),
        ]
        compare("mqtt.p99", f"{WHAT}, p99 to PUBACK at {PACED_PER_S:,}/s", "ms", "lower", slow, 5)


def serve(folder: Path) -> None:
    """An engine in this process until standard input ends; somebody takes its batches and calls them stored."""
    config = {"site_key_hex": "00" * 32, "mqtt": {"listen": {"host": "127.0.0.1", "port": 0}}}
    made = _core.Engine(str(folder), json.dumps(config).encode())
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    made.set_credentials(json.dumps([{"id": "bench", "hash": f"sha256:{digest}", "units": ["*"]}]).encode())
    made.start(0)
    for bed in range(BEDS):
        made.submit(1, "bench", "", _admission(bed))
    over = threading.Event()

    def take() -> None:
        while not over.is_set():
            if batch := made.next_batch(100):
                made.stored(batch.last_seq)

    taking = threading.Thread(target=take)
    taking.start()
    print(made.mqtt_port(), flush=True)
    for _ in sys.stdin:
        while json.loads(made.stats())["lag"]["processed_seq"] < made.durable_seq():
            time.sleep(0.005)
        print("settled", flush=True)
    stats = json.loads(made.stats())
    over.set()
    taking.join()
    made.stop()
    counted = stats["pipeline"]
    if counted["dead_letters"] or counted["frames_repeated"] or counted["observations_kept"] < MESSAGES:
        raise SystemExit(f"not every publish became an observation: {counted}")


def _admission(bed: int) -> bytes:
    """Somebody for this bed."""
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    return (
        f"MSH|^~\\&|EHR|HOSP|NL|HOSP|{now}||ADT^A01^ADT_A01|A{bed}|P|2.5.1\rEVN||{now}\r"
        f"PID|1||P{bed}^^^HOSP^MR||Doe^Jo||19500101|F\rPV1|1|I|icu^{bed:02}^{bed:02}\r"
    ).encode()


if __name__ == "__main__":
    serve(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
