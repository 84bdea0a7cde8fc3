"""A ward under traffic in which one patient after the other falls ill: what the benches of alerts measure beside.

A whole server of its own; `patients` monitors send eight signals each once a second by MQTT (the ward of `nightlamp
demo`, nobody in it deteriorates); beside them lie the patients of unit ILL, whose NEWS2 becomes 15 by one HL7 post
each, every `every_s` seconds. One rule alerts, so that an alert is one post.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from nightlamp import __version__
from tests.bench.figures import Figure, emit
from tests.messages import ILL, admission, vitals
from tests.running_server import RunningServer, start_server

ROOT = Path(__file__).resolve().parents[2]
WARD = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "nightlamp-loadtest"
HL7 = {"Content-Type": "application/hl7-v2"}
POLICY = '[[rule]]\nname = "news2-high"\nscore = "news2"\nlabel = "NEWS2"\nseverity = "high"\nenter = 7\nclear = 4\n'
UNIT = "ILL"
ADMITTED_S_MAX = 120.0
SETTLES_S = 5.0


@contextmanager
def under_traffic(folder: Path, patients: int, **settings: str) -> Iterator[RunningServer]:
    """The server, once every monitor speaks. Raises AssertionError when they do not, or the ward ended by itself."""
    (folder / "policy.toml").write_text(POLICY)
    server = start_server(folder, POLICY_FILE=str(folder / "policy.toml"), **settings)
    try:
        with _traffic(server, patients):
            yield server
    finally:
        server.stop()


@contextmanager
def _traffic(server: RunningServer, patients: int) -> Iterator[None]:
    if not patients:
        yield
        return
    argv = [str(WARD), "ward", "--json", "--beds", str(patients), "--deteriorating", "0", "--connections", "16"]
    argv += ["--http", server.url, "--mqtt", f"127.0.0.1:{server.mqtt_port}"]
    environment = os.environ | {
        "NIGHTLAMP_EHR_KEY": server.keys["ehr"],
        "NIGHTLAMP_MQTT_USER": server.key_id("device"),
        "NIGHTLAMP_MQTT_PASSWORD": server.keys["device"],
    }
    ward = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + ADMITTED_S_MAX
        while frames(server) < 3 * patients:
            assert ward.poll() is None, "the ward ended by itself"
            assert time.monotonic() < until, "the ward was not admitted in time"
            time.sleep(0.2)
        time.sleep(SETTLES_S)
        yield
        assert ward.poll() is None, "the ward ended by itself"
    finally:
        ward.send_signal(signal.SIGINT)
        ward.wait(30)


def frames(server: RunningServer) -> int:
    """Newest frame on disk."""
    return int(server.metrics()["nightlamp_journal_durable_seq"])


def admit(server: RunningServer, ill: int) -> None:
    """The patients of unit ILL, in beds 0 to ill - 1."""
    with server.client("ehr") as ehr:
        for bed in range(ill):
            _post(ehr, admission(f"ILL{bed}", UNIT, f"i{bed}"))


def fall_ill(server: RunningServer, beds: range, every_s: float) -> dict[str, float]:
    """One bed after the other; by bed the time (seconds since 1970) from before the post that made it ill."""
    fell: dict[str, float] = {}
    with server.client("ehr") as ehr:
        ehr.get("/livez")  # the connection is not part of what is measured
        began = time.monotonic()
        for place, bed in enumerate(beds):
            time.sleep(max(0.0, began + place * every_s - time.monotonic()))
            fell[f"i{bed}"] = time.time()
            _post(ehr, vitals(f"ILL{bed}", ILL))
    return fell


def _post(client: httpx.Client, message: str) -> None:
    answer = client.post("/v1/hl7v2", content=message, headers=HL7).raise_for_status()
    assert "MSA|AA" in answer.text, "not accepted"


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def tell(key: str, where: str, rounds: list[list[float]], patients: int, frames_per_s: float) -> None:
    """Print the figure, p99 of each round, and the whole in words. `rounds`: milliseconds."""
    every = [one for took in rounds for one in took]
    what = f"vitals that make a patient ill to {where}, p99 of {len(rounds[0])} alerts, {patients} patients"
    included = f"HTTP post, durable journal, NEWS2, alert; {frames_per_s:.0f} frames/s beside"
    runs = [percentile(took, 0.99) for took in rounds]
    emit(Figure(key, what, "nightlamp", __version__, "ms", "lower", included, True, "", runs))
    middle, high, most = percentile(every, 0.5), percentile(every, 0.99), max(every)
    print(f"{len(every)} alerts, {patients} patients beside, {frames_per_s:.0f} frames/s")
    print(f"ms to {where}: median {middle:.1f}, p99 {high:.1f}, most {most:.1f}; load {os.getloadavg()[0]:.1f}")
