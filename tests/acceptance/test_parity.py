"""P8 through the running server: patients sent as HL7 and MQTT are given, hour by hour, the features and risks of the
offline path, bit for bit."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import made_up_challenge
import pytest
from running_server import RunningServer

SHARED = Path(os.environ.get("NIGHTLAMP_SHARED", Path(__file__).resolve().parents[3] / "shared"))
DATA = SHARED / "data" / "physionet2019"


def parity(server: RunningServer, data: Path, *options: str) -> Any:
    """What `nightlamp parity sepsis --json` says; it must hold."""
    done = server.command("parity", "sepsis", "--data", str(data), "--json", *options)
    assert done.returncode == 0, done.stderr[-2_000:] + done.stdout[-4_000:]
    return json.loads(done.stdout)


def identical(found: dict[str, Any]) -> None:
    """Not only within 1e-9: the same bits; every hour accounted for, every refusal the same on both sides."""
    held = found["parity"]
    assert held["holds"]
    assert (held["features_not_identical"], held["risks_not_identical"], held["raw_difference_max"]) == (0, 0, 0)
    assert held["hours"] == found["hours"] == held["compared"] + sum(held["not_scored"].values())
    assert min(held["compared_by_door"].values()) > 0.4 * held["compared"]
    assert held["features_compared"] > 100 * held["compared"]
    server = found["server"]
    assert server["values_refused"] == server["values_refused_offline"]


@pytest.fixture
def recorder(new_server: Callable[..., RunningServer]) -> RunningServer:
    """A server that replays recordings, as anybody would start one."""
    return new_server(DECODE__RECORDED_TIME="true")


def test_made_up_patients_get_the_offline_scores_from_a_server_somebody_else_started(
    recorder: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("made-up")
    hours = made_up_challenge.write(data, patients=12)
    where = ("--url", recorder.url, "--mqtt", f"127.0.0.1:{recorder.mqtt_port}", "--token", recorder.keys["admin"])
    found = parity(recorder, data, *where)
    identical(found)
    assert found["hours"] == hours
    assert found["parity"]["not_scored"]["no value"] >= 12
    assert found["server"]["values_refused"] >= 12 * 2
    assert not found["figures"]["trained_on_these_patients"]


def test_a_server_for_a_ward_is_told_from_one_for_a_recording(
    server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("made-up")
    made_up_challenge.write(data, patients=2)
    done = server.command(
        *("parity", "sepsis", "--data", str(data), "--url", server.url, "--token", server.keys["admin"])
    )
    assert done.returncode == 1
    assert "NIGHTLAMP_DECODE__RECORDED_TIME=true" in done.stderr


def test_200_physionet_patients_get_the_offline_scores_by_hl7_and_mqtt(server: RunningServer) -> None:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent: the PhysioNet/CinC Challenge 2019 training sets, open access at PhysioNet")
    found = parity(server, DATA, "--patients", "240")
    identical(found)
    assert found["patients"] >= 200
    assert found["parity"]["compared"] > 6_000
    assert found["figures"]["trained_on_these_patients"]
