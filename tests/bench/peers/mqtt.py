"""MQTT beside clients behind Mosquitto: QoS 1 publishes until they are handed on, by the same publisher, in turns.

A peer is a subscriber (paho, gmqtt, aiomqtt, and mosquitto_sub as one written in C) that takes QoS 1 publishes from
Mosquitto and appends them to a list in memory; its time ends with the last one. Mosquitto alone, with nobody
subscribed, is the ceiling of that design. nightlamp listens itself: the time of its listener ends with the last PUBACK,
which leaves after the journal's fdatasync; that of its engine when every message has been decoded, windowed and scored
as well. Nothing of the peers is on disk. Mosquitto has no limit of queue or window and no persistence. Everybody shares
two cores.
"""

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.bench.figures import Side, compare, skip
from tests.bench.mqtt import CONNECTIONS, MESSAGES, WHAT, WINDOW, flooded, receivers, sides
from tests.bench.mqtt_publisher import EVERY_TOPIC, Publisher

KEY, TITLE = "mqtt.peers", f"{WHAT}, until handed on"
#: About a second each.
COUNT = 30_000
SUBSCRIBERS = {"paho": "paho-mqtt", "gmqtt": "gmqtt", "aiomqtt": "aiomqtt"}
CONFIGURATION = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
"""


def main() -> None:
    """Compare what is here."""
    with contextlib.ExitStack() as parts:
        measured = sides(parts.enter_context(receivers()))
        if not shutil.which("mosquitto"):
            for who in SUBSCRIBERS:
                skip(KEY, TITLE, f"{who} behind Mosquitto", "mosquitto is not installed", "messages/s", "higher")
        else:
            measured += _behind(parts.enter_context(_broker()))
        compare(KEY, TITLE, "messages/s", "higher", measured, 5)


def _behind(port: int) -> list[Side]:
    """Mosquitto alone and every subscriber that is installed."""
    publisher = Publisher(port, CONNECTIONS, WINDOW)
    broker = _mosquitto_version()
    found = [
        Side("Mosquitto alone", broker, flooded(publisher, MESSAGES // 3), "PUBACK from memory; nobody subscribed")
    ]
    for who, package in SUBSCRIBERS.items():
        try:
            versions = f"{version(package)}, Mosquitto {broker}"
        except PackageNotFoundError:
            skip(KEY, TITLE, f"{who} behind Mosquitto", "not installed here", "messages/s", "higher")
            continue
        argv = [sys.executable, "-m", "tests.bench.peers.mqtt_subscriber", who, str(port), str(COUNT)]
        included = "from the first publish to the last message in a list; nothing on disk"
        found.append(Side(f"{who} behind Mosquitto", versions, _through(publisher, argv), included))
    if program := shutil.which("mosquitto_sub"):
        argv = [program, "-p", str(port), "-t", EVERY_TOPIC, "-q", "1", "-C", str(COUNT), "-F", "%l"]
        found.append(
            Side("mosquitto_sub behind Mosquitto", broker, _through(publisher, argv, 0.3), "a subscriber in C")
        )
    return found


def _through(publisher: Publisher, argv: list[str], until_ready_s: float = 0.0) -> Callable[[], float]:
    """Measures messages a second from the first publish to the subscriber's last message."""

    def measure() -> float:
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL if until_ready_s else subprocess.PIPE, text=True)
        try:
            if until_ready_s:
                time.sleep(until_ready_s)
            elif process.stdout and process.stdout.readline() != "ready\n":
                raise RuntimeError("the subscriber did not get ready")
            began = publisher.prepared(COUNT)
            said, _ = process.communicate(timeout=30)
            # The C client ends with its last message; the others say when that was, on the same clock.
            ended = time.monotonic() if until_ready_s else float(said)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        return COUNT / (ended - began)

    return measure


@contextlib.contextmanager
def _broker() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
        Path(folder, "mosquitto.conf").write_text(CONFIGURATION.format(port=port))
        argv = ["mosquitto", "-c", f"{folder}/mosquitto.conf"]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise
                    time.sleep(0.02)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def _mosquitto_version() -> str:
    said = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\S+)", said)
    return found[1] if found else "unknown"


if __name__ == "__main__":
    main()
