"""The whole plot: send, wait until it is stored, read back, compare, measure."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nightlamp.parity import challenge, doors, figures, messages, stored
from nightlamp.parity.challenge import DAY_US, Challenge
from nightlamp.parity.compare import Comparison
from nightlamp.parity.doors import Refused
from nightlamp.parity.offline import Bundle
from nightlamp.parity.readings import Readings
from nightlamp.score import recipe as recipes
from nightlamp.score.labels import labels
from nightlamp.score.report import sketch

Via = Literal["hl7", "mqtt", "both"]
#: Called with what is being done, how far it is, and how far it goes.
Report = Callable[[str, int, int], None]
PATIENTS_A_CHUNK = 250
#: How long storing may stand still before it counts as stuck.
STUCK_S = 60.0


@dataclass(frozen=True)
class Server:
    """A running server in recorded time, and how to speak with it."""

    url: str
    key: str
    """May send, read identities and operate (role admin)."""
    mqtt: tuple[str, int]
    database: str | None = None
    """Its database where that may be read; None reads over the API."""


def load(data: Path, patients: int | None) -> Challenge:
    """The recording, moved to the days before today. Raises DataError."""
    return challenge.read(data, patients, int(time.time() * 1e6) // DAY_US * DAY_US)


def run(bundle: Bundle, sent: Challenge, server: Server, via: Via, report: Report) -> dict[str, Any]:
    """Everything found, for JSON. Raises Refused."""
    check(server, bundle)
    before, began = metrics(server), time.monotonic()
    door = np.where(np.arange(sent.recording.patients) % 2 == 0, "hl7", "mqtt") if via == "both" else via
    door = np.broadcast_to(door, sent.recording.patients)
    send(sent, server, door == "mqtt", report)
    acknowledged = time.monotonic()
    after = wait(server, before, report)
    in_store = time.monotonic()
    comparison = asyncio.run(compare(bundle, sent, server, door, report))
    ended = time.monotonic()
    return {
        "bundle": f"{bundle.name} {bundle.version}",
        "data": sent.recording.source,
        "patients": sent.recording.patients,
        "hours": sent.recording.rows,
        "values_sent": len(sent.readings.patient),
        "seconds": {
            "until_acknowledged": round(acknowledged - began, 1),
            "until_stored": round(in_store - began, 1),
            "comparison": round(ended - in_store, 1),
        },
        "server": counted(sent, before, after),
        "parity": comparison.found.as_dict(),
        "figures": measured(bundle, sent, comparison),
    }


def check(server: Server, bundle: Bundle) -> None:
    """Refuses a server that would give other scores for a reason known beforehand."""
    if stored.get(server.url, "/readyz", server.key)["time"] != "recorded":
        raise Refused(
            "the server runs by receipt, as for a ward: start one with NIGHTLAMP_DECODE__RECORDED_TIME=true on a data "
            "folder of its own"
        )


def send(sent: Challenge, server: Server, by_mqtt: Any, report: Report) -> None:
    """Admissions first, all by HTTP; then values, by HTTP and MQTT side by side. All is acknowledged on return."""
    writer = messages.Writer(sent.readings, sent.admissions, sent.start_us)
    lock, done, total = threading.Lock(), [0], len(sent.admissions) + _hours(sent.readings)

    def acknowledged(more: int) -> None:
        with lock:
            done[0] += more
            report("sending", done[0], total)

    doors.post_all(server.url, server.key, messages.batches([one] for one in sent.admissions), acknowledged)
    failed: list[Exception] = []

    def publish() -> None:
        try:
            publisher = doors.Publisher(*server.mqtt, server.key, acknowledged)
            publisher.publish_all(writer.reading(*hour) for hour in sent.readings.hours() if by_mqtt[hour[0]])
        except Exception as error:
            failed.append(error)

    beside = threading.Thread(target=publish, name="mqtt", daemon=True)
    if by_mqtt.any():
        beside.start()
    doors.post_all(server.url, server.key, messages.batches(_reports(writer, sent.readings, by_mqtt)), acknowledged)
    if by_mqtt.any():
        beside.join()
    if failed:
        raise failed[0]


def _reports(writer: messages.Writer, readings: Readings, by_mqtt: Any) -> Iterator[list[bytes]]:
    """The HL7 reports of each patient together."""
    whose, group = -1, list[bytes]()
    for hour in readings.hours():
        if by_mqtt[hour[0]]:
            continue
        if hour[0] != whose and group:
            yield group
            group = []
        whose = hour[0]
        group.append(writer.report(*hour))
    if group:
        yield group


def _hours(readings: Readings) -> int:
    return sum(1 for _ in readings.hours())


def metrics(server: Server) -> dict[str, float]:
    """What /metrics says, by name with labels."""
    lines = str(stored.get(server.url, "/metrics", server.key)).splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}


def wait(server: Server, before: dict[str, float], report: Report) -> dict[str, float]:
    """Until everything journalled by now is stored. Raises Refused when that makes no progress for a minute."""
    now = metrics(server)
    first, wanted = before["nightlamp_store_cursor_seq"], now["nightlamp_journal_durable_seq"]
    seen, since = -1.0, time.monotonic()
    while now["nightlamp_store_cursor_seq"] < wanted:
        at = now["nightlamp_store_cursor_seq"]
        report("storing", int(at - first), int(wanted - first))
        if at != seen:
            seen, since = at, time.monotonic()
        if time.monotonic() - since > STUCK_S:
            raise Refused(f"the store has stood still at frame {at:.0f} of {wanted:.0f} for {STUCK_S:.0f} s")
        time.sleep(0.1)
        now = metrics(server)
    report("storing", int(wanted - first), int(wanted - first))
    return now


async def compare(bundle: Bundle, sent: Challenge, server: Server, door: Any, report: Report) -> Comparison:
    """Reads back and compares, some patients at a time."""
    reader: stored.Reader = stored.Api(server.url, server.key)
    if server.database is not None:
        reader = await stored.database(server.database)
    recording = sent.recording
    comparison = Comparison(bundle, recording, sent.readings, door)
    known = await reader.pseudonyms()
    if strangers := sum(name not in known for name in recording.patient_id):
        raise Refused(
            f"{strangers} of {recording.patients} patients are unknown to the server: it was full "
            "(limits.patients_max), or the key may not read identities"
        )
    since = datetime.fromtimestamp(sent.start_us / 1e6, UTC)
    until = since + timedelta(microseconds=int(recording.row_at_us.max()) + DAY_US)
    for first in range(0, recording.patients, PATIENTS_A_CHUNK):
        last = min(first + PATIENTS_A_CHUNK, recording.patients)
        of = [known[name] for name in recording.patient_id[first:last]]
        scores = await reader.scores(of, bundle.name, bundle.width, since, until)
        comparison.add(first, last, bundle.rows(recording, first, last), scores, sent.start_us)
        report("comparing", last, recording.patients)
    return comparison


def counted(sent: Challenge, before: dict[str, float], after: dict[str, float]) -> dict[str, int]:
    """The server's own counters over the run, beside what the offline path dropped."""

    def grown(name: str) -> int:
        return int(after.get(name, 0) - before.get(name, 0))

    values, kept = len(sent.readings.patient), grown("nightlamp_pipeline_observations_kept_total")
    return {
        "frames_decoded": grown("nightlamp_pipeline_frames_decoded_total"),
        "values_kept": kept,
        "values_refused": values - kept,
        "values_refused_offline": values - len(sent.recording.patient),
        "dead_letters": grown("nightlamp_pipeline_dead_letters_total"),
        "scores_stored": grown("nightlamp_pipeline_scores_stored_total"),
    }


def measured(bundle: Bundle, sent: Challenge, comparison: Comparison) -> dict[str, Any]:
    """Figures of what was served, and of the offline risk of every hour, beside the bundle's own."""
    recording, manifest = sent.recording, bundle.manifest
    asks = labels(recording, **recipes.load(bundle.name).label)
    threshold = manifest["thresholds"].get("utility", {}).get("value")
    prevalence = float("nan")
    with suppress(KeyError):
        prevalence = manifest["metrics"]["overall"]["prevalence"]
    risk = figures.carried(comparison.served, recording.row_bounds(), prevalence)
    served = figures.cohort(risk, recording, asks, threshold)
    every_hour = figures.cohort(comparison.offline, recording, asks, threshold)
    metrics: dict[str, Any] = {}
    with suppress(FileNotFoundError):
        metrics = json.loads((bundle.folder / "metrics.json").read_text())
    trained_on = sketch.overlap(recording, manifest, metrics)
    return figures.beside(served, every_hour, manifest, trained_on.any)
