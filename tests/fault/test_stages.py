"""A stage that panics or hangs in a whole server: one frame is a dead letter, the ward is watched on (P3, P4).

The fault is a table in a bundle's manifest, which loads only where the environment allows it
(core_rs/src/score/fault.rs): this model panics, or never returns, when a patient's temperature is exactly
41.25 degrees.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from messages import WELL, acknowledgement, admission, unique, vitals
from running_server import START_S_MAX, RunningServer

from tests.fault.test_stop import figures
from tests.waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
BUNDLE = Path(__file__).resolve().parents[2] / "models/sepsis/1.1.0"
POISON = {**WELL, "8310-5": ("41.25", "Cel")}
EXIT_HUNG = 70
#: From 5 s to this long it can be seen to be red.
HANG_S_MAX = "12"
Start = Callable[..., RunningServer]


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a folder of models whose one bundle panics or hangs."""
    monkeypatch.setenv("FAULTS_FOR_TESTS_OF_NIGHTLAMP", "yes")

    def make(does: str) -> str:
        folder = tmp_path / f"models-{does}"
        shutil.copytree(BUNDLE, folder / "sepsis/1.1.0")
        manifest = folder / "sepsis/1.1.0/manifest.toml"
        text = re.sub(r"min_interval_s = \d+", "min_interval_s = 0", manifest.read_text())
        manifest.write_text(f'{text}\n[fault_for_tests]\nsignal = "Temp"\nvalue = 41.25\ndoes = "{does}"\n')
        return str(folder)

    return make


def _send(server: RunningServer, message: str) -> None:
    with server.client("ehr") as ehr:
        answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
    assert acknowledgement(answer.text)["MSA"][0][1] == "AA", answer.text


def _stored_whole(server: RunningServer) -> dict[str, float]:
    durable = figures(server)["nightlamp_journal_durable_seq"]
    until(lambda: figures(server)["nightlamp_store_cursor_seq"] >= durable, 60)
    return figures(server)


def _dead_letters(server: RunningServer) -> list[tuple[str, str]]:
    with server.client("admin") as admin:
        items = admin.get("/v1/dead-letters").json()["items"]
    return [(one["stage"], one["detail"]) for one in items]


def test_p4_a_frame_that_panics_a_stage_is_a_dead_letter_and_the_ward_is_watched_on(
    new_server: Start, faulty: Callable[[str], str], tmp_path: Path
) -> None:
    models = faulty("panic")
    server = new_server(MODELS__DIR=models)
    sick, well = f"P{unique()}", f"P{unique()}"
    for patient, bed in ((sick, "1"), (well, "2")):
        _send(server, admission(patient, "ICU", bed))
    for values, patient in ((WELL, well), (POISON, sick), (WELL, well)):
        _send(server, vitals(patient, values))
    found = _stored_whole(server)
    assert found["nightlamp_pipeline_panics_total"] == 2, "once in its batch, once alone"
    assert (found["nightlamp_pipeline_poison_frames"], found["nightlamp_pipeline_frames_internal_total"]) == (1, 1)
    letters = _dead_letters(server)
    assert [stage for stage, _ in letters] == ["score"]
    assert "panicked at score/fault.rs" in letters[0][1]
    with server.client("sre") as sre:
        ready = sre.get("/readyz")
    assert ready.status_code == 200
    assert "passed over" in ready.text
    until(lambda: "is passed over from now on" in server.log)
    assert "41.25" not in server.log
    server.stop()
    again = new_server(tmp_path, MODELS__DIR=models)
    _send(again, vitals(well, WELL))
    assert _stored_whole(again)["nightlamp_pipeline_panics_total"] == 0, "the list is honoured"
    assert _dead_letters(again) == letters


def test_p4_a_stage_that_hangs_is_red_ends_the_server_with_its_code_and_the_next_start_goes_on_behind_it(
    new_server: Start, faulty: Callable[[str], str], tmp_path: Path
) -> None:
    models = faulty("hang")
    server = new_server(MODELS__DIR=models, SUPERVISION__HANG_S_MAX=HANG_S_MAX)
    sick, well = f"P{unique()}", f"P{unique()}"
    for patient, bed in ((sick, "1"), (well, "2")):
        _send(server, admission(patient, "ICU", bed))
    _stored_whole(server)
    _send(server, vitals(sick, POISON))
    _send(server, vitals(well, WELL))
    with server.client("sre") as sre:
        # The issue's own: red once the head of the journal is older than 5 s. Slack for a busy machine.
        red = until(lambda: (said := sre.get("/readyz")).status_code == 503 and said, 20)
        _send(server, vitals(well, WELL))  # the doors take frames meanwhile
    assert "behind the journal" in red.json()["stages"]["decode, window, score, alert"]["reason"]
    assert server.process.wait(START_S_MAX) == EXIT_HUNG, server.log[-2_000:]
    assert "hung" in server.log
    again = new_server(tmp_path, MODELS__DIR=models, SUPERVISION__HANG_S_MAX=HANG_S_MAX)
    end = again.process.poll()
    if end is None and '"suspects": []' not in (tmp_path / "journal/quarantine").read_text():
        # The forest had the whole batch in hand: this start finds out which frame it was, and the one after goes on.
        assert again.process.wait(START_S_MAX) == EXIT_HUNG, again.log[-2_000:]
        again = new_server(tmp_path, MODELS__DIR=models, SUPERVISION__HANG_S_MAX=HANG_S_MAX)
    _stored_whole(again)
    listed = json.loads((tmp_path / "journal/quarantine").read_text().split("\n", 1)[1])
    assert [one["did"] for one in listed["frames"]] == ["hung"]
    assert not listed["suspects"]
    letters = _dead_letters(again)
    assert [stage for stage, _ in letters] == ["score"]
    assert "did not come to an end" in letters[0][1]
    with again.client("nurse") as nurse:
        assert len(nurse.get("/v1/patients").json()["items"]) == 2
