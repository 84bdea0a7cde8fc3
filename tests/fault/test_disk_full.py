"""P5: the journal's disk is full, or its cap reached: every sender is told, nothing is lost, and it heals by itself."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from messages import acknowledgement
from running_server import RunningServer, labelled_metrics

from tests.fault.filesystems import fill, small
from tests.fault.numbered import Numbered, connect

pytestmark = pytest.mark.timeout(240)
Start = Callable[..., RunningServer]
#: The issue's service level, and as much again for a loaded machine.
HEALS_S, SLACK_S = 10.0, 10.0
#: `make fault` also runs what differs in the filesystem only.
LONG = bool(os.environ.get("NIGHTLAMP_LONG"))


@pytest.fixture
def on_small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A data folder whose journal lies on 64 MiB of its own."""
    data = tmp_path / "data"
    data.mkdir()
    with small(request.param, data / "journal", tmp_path):
        yield data


@pytest.mark.parametrize("on_small_disk", ["ext4", "tmpfs"] if LONG else ["ext4"], indirect=True)
def test_p5_a_full_disk_is_told_at_every_door_and_heals_within_ten_seconds(
    on_small_disk: Path, new_server: Start
) -> None:
    server = new_server(on_small_disk)
    ward = Numbered()
    ward.admit(server)
    filler = on_small_disk / "journal" / "filler"
    with server.client("ehr") as ehr, server.client("sre") as sre, ward.mqtt(server) as sender:
        for _ in range(20):
            assert ward.hl7(ehr).status_code == 200
            assert ward.json(ehr).status_code == 202
            sender.publish().wait_for_publish(30)
        assert fill(filler) > 1 << 20
        _send_until_refused(ward, ehr)
        _assert_refused(ward, ehr, sre, sender.publish, "disk")
        assert labelled_metrics(sre)["nightlamp_journal_refused_disk_total"] > 0
        held = sender.publish()
        filler.unlink()
        healed_s = _until_healed(ward, ehr, sre)
        held.wait_for_publish(HEALS_S + SLACK_S)
        assert held.is_published()
        print(f"full disk: {len(ward.acknowledged)} acknowledged, healed after {healed_s:.1f} s")
    assert server.process.poll() is None, "the same process"
    ward.assert_stored_once(server)


def test_p5_the_cap_is_told_at_every_door_and_heals_within_ten_seconds_of_being_stored(new_server: Start) -> None:
    """What keeps the journal at its cap is a database that stands still: nothing may be let go that is not stored."""
    server = new_server(
        LIMITS__JOURNAL_BYTES_MAX=str(8 << 20),
        LIMITS__JOURNAL_SEGMENT_BYTES_MAX=str(1 << 20),
        DATABASE__KEEP_DAYS="400",
    )
    ward = Numbered()
    ward.admit(server)
    with server.client("ehr") as ehr, server.client("sre") as sre, ward.mqtt(server) as sender:
        with _store_stands_still(server):
            _send_until_refused(ward, ehr)
            _assert_refused(ward, ehr, sre, sender.publish, "cap")
            assert labelled_metrics(sre)["nightlamp_journal_refused_full_total"] > 0
            assert labelled_metrics(sre)["nightlamp_journal_bytes"] <= 8 << 20
            held = sender.publish()
        healed_s = _until_healed(ward, ehr, sre)
        held.wait_for_publish(HEALS_S + SLACK_S)
        assert held.is_published()
        print(f"cap: {len(ward.acknowledged)} acknowledged, healed after {healed_s:.1f} s")
    ward.assert_stored_once(server)


def _send_until_refused(ward: Numbered, ehr: httpx.Client) -> None:
    """Traffic until not even a small message is taken."""
    for padding in (400_000, 40_000, 4_000, 0):
        for _ in range(2_000):
            if ward.hl7(ehr, padding).status_code != 200:
                break
        else:
            raise AssertionError("it was never full")


def _assert_refused(
    ward: Numbered, ehr: httpx.Client, sre: httpx.Client, publish: Callable[[], object], why: str
) -> None:
    """HTTP 507 with Retry-After, AR, no PUBACK, and `/readyz` and the metrics say why."""
    json, hl7 = ward.json(ehr), ward.hl7(ehr)
    for answer in (json, hl7):
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (507, True), answer.text
    assert json.json()["code"] == "journal_full"
    assert acknowledgement(hl7.text)["MSA"][0][1] == "AR"
    before = set(ward.acknowledged)
    publish()
    time.sleep(2)
    assert ward.acknowledged == before, "the PUBACK is withheld"
    ready = sre.get("/readyz")
    journal = ready.json()["stages"]["journal"]
    assert (ready.status_code, journal["state"]) == (503, "down")
    assert why in journal["reason"]
    assert labelled_metrics(sre)[f'nightlamp_journal_full{{kind="{why}"}}'] == 1


def _until_healed(ward: Numbered, ehr: httpx.Client, sre: httpx.Client) -> float:
    began = time.monotonic()
    while not (ward.json(ehr).status_code == 202 and ward.hl7(ehr).status_code == 200):
        assert time.monotonic() - began < HEALS_S + SLACK_S, "it did not heal"
        time.sleep(0.1)
    healed_s = time.monotonic() - began
    while sre.get("/readyz").status_code != 200:
        assert time.monotonic() - began < HEALS_S + SLACK_S, sre.get("/readyz").text
        time.sleep(0.1)
    return healed_s


@contextlib.contextmanager
def _store_stands_still(server: RunningServer) -> Iterator[None]:
    """Nobody can write observations meanwhile."""
    locked, release = threading.Event(), threading.Event()

    async def hold() -> None:
        database = await connect(server)
        try:
            async with database.transaction():
                await database.execute("LOCK TABLE observations IN ACCESS EXCLUSIVE MODE")
                locked.set()
                await asyncio.to_thread(release.wait)
        finally:
            await database.close()

    holder = threading.Thread(target=lambda: asyncio.run(hold()))
    holder.start()
    try:
        assert locked.wait(30)
        yield
    finally:
        release.set()
        holder.join()
