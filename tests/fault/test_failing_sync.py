"""P1: a sync of the journal fails once. No acknowledgement for that batch, read-only, `/readyz` red, the process ends
with exit code 74, and the next one has everything that was acknowledged."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from running_server import RunningServer
from waiting import until

from nightlamp.endings import JournalFailed
from tests.fault.filesystems import ThinDisk
from tests.fault.numbered import Numbered

pytestmark = pytest.mark.timeout(240)
Start = Callable[..., RunningServer]
ENDS_S_MAX = 30.0


@contextmanager
def _traffic(ward: Numbered, server: RunningServer, padding: int) -> Iterator[list[int]]:
    """HL7, JSON and MQTT from threads, until the server is gone; the statuses that were not 2xx."""
    refused: list[int] = []
    over = threading.Event()

    def send(through: Callable[[httpx.Client], httpx.Response]) -> None:
        with server.client("ehr") as client:
            while not over.is_set():
                try:
                    answer = through(client)
                except httpx.HTTPError:
                    return
                if not answer.is_success:
                    refused.append(answer.status_code)
                    time.sleep(0.02)

    with ExitStack() as stack:
        sender = stack.enter_context(ward.mqtt(server))

        def publish() -> None:
            while not over.is_set():
                sender.publish()
                time.sleep(0.02)

        threads = [threading.Thread(target=send, args=(lambda client: ward.hl7(client, padding),)) for _ in range(4)]
        threads += [threading.Thread(target=send, args=(ward.json,)), threading.Thread(target=publish)]
        for thread in threads:
            thread.start()
        try:
            yield refused
        finally:
            over.set()
            for thread in threads:
                thread.join()


def _assert_ends(server: RunningServer, refused: list[int]) -> None:
    """Red first, then gone, with its own exit code."""
    red = None
    end = time.monotonic() + ENDS_S_MAX
    with server.client("sre") as sre:
        while server.process.poll() is None and time.monotonic() < end:
            try:
                ready = sre.get("/readyz")
            except httpx.HTTPError:
                break
            if ready.status_code == 503:
                red = ready.json()["stages"]["journal"]
            time.sleep(0.02)
    assert server.process.wait(ENDS_S_MAX) == JournalFailed.code == 74
    assert red is not None
    assert red["state"] == "down"
    assert "cannot write" in red["reason"]
    assert set(refused) == {503}, "who waited was told"


def test_p1_one_failed_sync_ends_the_process_and_is_never_tried_again(
    tmp_path: Path, new_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (compiler := shutil.which("cc")):
        pytest.skip("there is no C compiler for the failing fdatasync")
    shim, when = tmp_path / "failing_sync.so", tmp_path / "fail-now"
    source = Path(__file__).with_name("failing_sync.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"], check=True, timeout=60)
    data = tmp_path / "data"
    data.mkdir()
    ward = Numbered()
    with monkeypatch.context() as patched:
        patched.setenv("LD_PRELOAD", str(shim))
        patched.setenv("FAILING_SYNC", str(when))
        server = new_server(data)
    ward.admit(server)
    with _traffic(ward, server, 0) as refused:
        until(lambda: len(ward.acknowledged) > 200)
        when.touch()
        until(lambda: bool(refused))
        time.sleep(0.1)  # until each thread has written down what it was told before
        before = set(ward.acknowledged)
        _assert_ends(server, refused)
    assert ward.acknowledged == before, "nothing was acknowledged after the failure"
    assert not when.with_name("fail-now.after").exists(), "a sync was tried again"
    again = new_server(data)
    ward.assert_stored_once(again)


def test_p1_a_disk_that_loses_what_it_took_ends_the_process_and_nothing_acknowledged(
    tmp_path: Path, new_server: Start
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    disk = ThinDisk(data / "journal", tmp_path)
    try:
        ward = Numbered()
        server = new_server(data)
        ward.admit(server)
        with _traffic(ward, server, 100_000) as refused:
            _assert_ends(server, refused)
        assert len(ward.acknowledged) > 50
        disk.replace()
        again = new_server(data)
        ward.assert_stored_once(again)
        again.stop()
    finally:
        disk.close()
