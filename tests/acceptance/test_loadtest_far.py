"""The load-test harness against a server that is not loopback, under TLS by an authority of the test's own."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadtest_harness import NOT_RUN, PASSED, run_harness
from running_server import RunningServer, start_server

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


def own_address() -> str:
    """An address of this machine that is not loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def certificates(folder: Path, address: str) -> dict[str, Path]:
    """An authority, and a certificate it signed for this address."""
    made = {name: folder / f"{name}.pem" for name in ("authority", "authority-key", "cert", "key")}
    sign = ("openssl", "req", "-x509", *EC)
    authority = (*sign, "-subj", "/CN=throw-away", "-out", made["authority"], "-keyout", made["authority-key"])
    by = ("-CA", made["authority"], "-CAkey", made["authority-key"], "-addext", "basicConstraints=critical,CA:FALSE")
    leaf = (*sign, "-subj", "/CN=lamp", *by, "-addext", f"subjectAltName=IP:{address}")
    for command in (authority, (*leaf, "-out", made["cert"], "-keyout", made["key"])):
        subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return certificates(tmp_path_factory.mktemp("tls"), own_address())


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, authority: dict[str, Path]) -> Iterator[RunningServer]:
    """A server that listens on that address, under TLS."""
    tls = {"TLS__CERT": str(authority["cert"]), "TLS__KEY": str(authority["key"]), "HOST": own_address()}
    settings = {f"{door}__{name}": value for door in ("HTTP", "MQTT__LISTEN") for name, value in tls.items()}
    server = start_server(tmp_path_factory.mktemp("far"), **settings)
    yield server
    server.stop()


def against(server: RunningServer, *more: str | Path) -> subprocess.CompletedProcess[str]:
    port = server.url.rpartition(":")[2]
    address = ("--http", f"https://{own_address()}:{port}", "--mqtt", f"mqtts://{own_address()}:{server.mqtt_port}")
    return run_harness("run", "smoke", "--duration-s", "3", *address, *more, token=server.keys["admin"])


def test_every_message_to_a_server_elsewhere_is_accounted_for_under_tls(
    far: RunningServer, authority: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run.json"
    done = against(far, "--allow-remote", "--tls-ca", authority["authority"], "--out", out)
    assert done.returncode == PASSED, done.stderr
    run = json.loads(out.read_text())
    counts, target = run["conservation"], run["head"]["target"]
    assert counts["due"] == counts["acknowledged"] == 20 * 3 + 5 * 3
    assert counts["seen"] == counts["seen_expected"] == 20 * 3
    assert counts["differences"] == counts["unknown"] == []
    assert (target["loopback"], target["mqtt_tls"], target["pid"]) == (False, True, None)
    assert run["server"]["cpu_cores_mean"] is None, "another machine's /proc is not read"
    assert "without TLS" not in done.stderr + out.read_text()


def test_a_server_elsewhere_is_refused_unless_it_is_meant_and_its_authority_is_known(
    far: RunningServer, authority: dict[str, Path]
) -> None:
    done = against(far, "--tls-ca", authority["authority"])
    assert (done.returncode, "--allow-remote" in done.stderr) == (NOT_RUN, True), done.stderr
    done = against(far, "--allow-remote", "--tls-ca", authority["cert"])
    assert done.returncode == NOT_RUN, done.stderr
    assert "certificate" in done.stderr


def test_a_key_that_is_to_cross_the_network_in_clear_is_told_before_it_does(far: RunningServer) -> None:
    port = far.url.rpartition(":")[2]
    address = ("--http", f"http://{own_address()}:{port}", "--mqtt", f"{own_address()}:{far.mqtt_port}")
    done = run_harness("run", "smoke", "--allow-remote", *address, token="nl_not_akey")
    assert done.returncode == NOT_RUN, "the port speaks TLS"
    assert "HTTP and MQTT to another machine without TLS" in done.stderr
