"""The load-test harness against a real server: what it counts adds up, and its exit code says what it found."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from loadtest_harness import LEVEL_BROKEN, NOT_CONSERVED, NOT_RUN, PASSED, run_harness
from running_server import RunningServer, start_server
from waiting import until

KILL = '[[fault]]\nkind = "kill"\nat_s = 1.0\nfor_s = 0.2'
SCENARIO = """
name = "of-a-test"
duration_s = 3.0
drain_s = 20.0
[ward]
patients = 40
units = 2
[monitors]
connections = 2
[shares]
json = 0.25
[http]
connections = 1
"""


def loadtest(server: RunningServer, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the harness against this server."""
    address = ["--http", server.url, "--mqtt", f"127.0.0.1:{server.mqtt_port}"]
    return run_harness(*arguments, *address, token=server.keys["admin"])


@pytest.fixture
def scenario(tmp_path: Path) -> Any:
    """Writes a scenario file: the common one and more."""

    def write(more: str) -> Path:
        file = tmp_path / "scenario.toml"
        file.write_text(SCENARIO + more)
        return file

    return write


def test_every_message_of_a_run_is_accounted_for_by_server_and_consoles(server: RunningServer, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    done = loadtest(server, "run", "smoke", "--duration-s", "4", "--out", out)
    assert done.returncode == PASSED, done.stderr
    run = json.loads(out.read_text())
    counts = run["conservation"]
    # 20 monitors once a second and five laboratory results a second, for four seconds.
    assert counts["due"] == counts["sent"] == counts["acknowledged"] == 20 * 4 + 5 * 4, counts
    assert counts["journalled"] - counts["repeated"] == counts["acknowledged"] == counts["stored"] - counts["repeated"]
    assert counts["observations_sent"] == counts["observations_acknowledged"] == 20 * 4 * 8 + 5 * 4 * 8
    assert counts["observations_taken"] == counts["observations_kept"] == counts["observations_sent"]
    assert counts["observations_refused"] == 0
    assert counts["seen"] == counts["seen_expected"] == 20 * 4
    assert (counts["refused"], counts["unanswered"], counts["unsent"], counts["dead_lettered"]) == (0, 0, 0, 0)
    assert counts["differences"] == counts["unknown"] == []
    assert sum(second["sent"] for second in run["seconds"]) == counts["sent"]
    assert [stage["name"] for stage in run["stages"]] == ["acknowledged", "scored", "stored", "seen", "consoles"]
    assert server.keys["admin"] not in out.read_text() + done.stderr + done.stdout


def test_a_broken_service_level_ends_with_its_own_exit_code(server: RunningServer, scenario: Any) -> None:
    done = loadtest(server, "run", scenario("[levels]\nacknowledged_p50_ms = 0.0\nrefused_max = 0.0"))
    assert done.returncode == LEVEL_BROKEN, done.stderr
    assert "acknowledged_p50_ms" in done.stdout + done.stderr


def test_a_paused_server_shows_as_latency_from_the_intended_time_and_no_send_is_left_out(
    server: RunningServer, scenario: Any, tmp_path: Path
) -> None:
    out = tmp_path / "run.json"
    file = scenario('[[fault]]\nkind = "pause"\nat_s = 1.0\nfor_s = 1.0')
    done = loadtest(server, "run", file, "--pid", str(server.process.pid), "--out", out)
    assert done.returncode == PASSED, done.stderr
    run = json.loads(out.read_text())
    assert run["conservation"]["due"] == run["conservation"]["acknowledged"] == 120
    acknowledged = next(stage for stage in run["stages"] if stage["name"] == "acknowledged")
    # 40 sends were meant for the second in which nothing was answered, 18 of them for its 0.15 to 0.75 s: those waited
    # for more than 0.2 s. A generator that waits with its clock would show one such send for each of three connections.
    waited = [count for latency_us, count in acknowledged["latencies"] if latency_us > 200_000]
    assert sum(waited) >= 12, acknowledged["percentiles"]


@pytest.mark.parametrize(
    "loses", [False, True], ids=["a-server-that-keeps-its-word", "a-server-that-loses-one-message"]
)
def test_p1_a_kill_explains_no_acknowledged_message_that_is_not_in_the_journal(
    scenario: Any, tmp_path: Path, *, loses: bool
) -> None:
    program = tmp_path / "nightlamp"
    module = Path(__file__).with_name("losing_nightlamp.py") if loses else "-m nightlamp"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
    program.chmod(0o755)
    out = tmp_path / "run.json"
    done = run_harness("run", scenario(KILL), "--spawn", "--nightlamp", program, "--out", out)
    counts = json.loads(out.read_text())["conservation"]
    assert counts["acknowledged"] == counts["due"] == 120, done.stderr
    assert counts["journalled"] - counts["repeated"] == 120 - loses
    assert counts["observations_taken"] == counts["observations_acknowledged"] - 8 * loses
    if not loses:
        assert (done.returncode, counts["differences"]) == (PASSED, []), done.stderr
    else:
        assert done.returncode == NOT_CONSERVED, done.stderr
        assert "P1 is broken" in done.stderr


def test_the_result_of_a_run_outlives_the_server_and_says_that_its_counts_are_unknown(
    scenario: Any, tmp_path: Path
) -> None:
    (tmp_path / "server").mkdir()
    server = start_server(tmp_path / "server")
    out = tmp_path / "run.json"

    def kill_under_load() -> None:
        until(lambda: server.metrics()["nightlamp_pipeline_ever_frames_received"] >= 40 + 80)
        server.process.kill()

    file = scenario("")
    file.write_text(SCENARIO.replace("drain_s = 20.0", "drain_s = 1.0"))
    killing = threading.Thread(target=kill_under_load)
    killing.start()
    try:
        done = loadtest(server, "run", file, "--duration-s", "5", "--out", out)
    finally:
        killing.join()
        server.stop()
    run = json.loads(out.read_text())
    assert 0 < run["conservation"]["acknowledged"] < run["conservation"]["due"], done.stderr
    assert done.returncode == NOT_CONSERVED
    assert set(run["conservation"]["unknown"]) > {"journalled", "stored"}
    assert "still in their beds" in done.stderr


def test_a_recording_is_replayed_and_every_reading_that_a_console_can_tell_is_seen(
    server: RunningServer, scenario: Any, tmp_path: Path
) -> None:
    # Of six readings the third and the sixth lack the commonest signal, by whose time a console knows a reading.
    signals = [("HR", 80, "/min"), ("HR", 81, "/min"), ("O2Sat", 97, "%")] * 2
    recording, out = tmp_path / "recording.csv", tmp_path / "run.json"
    rows = [f"{one},{at},{name},{value},{unit}" for one in "ab" for at, (name, value, unit) in enumerate(signals)]
    recording.write_text("\n".join(["patient,time,signal,value,unit", *rows]))
    file = scenario(f"[consoles]\ncount = 2\n[replay]\nrecording = {str(recording)!r}")
    done = loadtest(server, "run", file, "--speed", "2", "--duration-s", "1.5", "--out", out)
    assert done.returncode == PASSED, done.stderr
    counts = json.loads(out.read_text())["conservation"]
    assert (counts["acknowledged"], counts["observations_taken"], counts["observations_refused"]) == (120, 120, 0)
    assert counts["seen"] == counts["seen_expected"] == 80


def test_a_target_that_is_not_this_machine_is_refused() -> None:
    done = run_harness("run", "smoke", "--http", "http://192.0.2.1:8600", "--mqtt", "192.0.2.1:1883", token="nl_x_y")
    assert done.returncode == NOT_RUN
    assert "--allow-remote" in done.stderr


def test_a_scenario_with_an_unknown_key_is_refused_by_its_name(scenario: Any) -> None:
    done = run_harness("run", scenario("[levels]\nsene_p99_ms = 1.0"))
    assert done.returncode == NOT_RUN
    assert "levels.sene_p99_ms" in done.stderr
    done = run_harness("run", scenario("[consoles]\nnumber = 3"))
    assert done.returncode == NOT_RUN
    assert "number" in done.stderr
    assert "count" in done.stderr
