"""A site trains on what it recorded: tables and journal of a server give one recording, and a model learns from it."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from messages import admission, msh, stamp, unique, vitals
from running_server import RunningServer
from waiting import until

from nightlamp._core import Scorers, catalogue
from nightlamp.score import bundle
from nightlamp.score.adapters import nightlamp_journal, nightlamp_tables
from nightlamp.score.fit import feature_rows
from nightlamp.score.labels import labels
from nightlamp.score.recipe import Recipe, load
from nightlamp.score.recording import Recording
from nightlamp.score.train import train

HL7 = {"Content-Type": "application/hl7-v2"}
NUMBER = {row["name"]: row["number"] for row in catalogue()}


def small() -> Recipe:
    """The sepsis recipe's features with few and small trees, for data of one's own."""
    recipe = load("sepsis")
    lightgbm = {**recipe.lightgbm, "num_leaves": 7, "min_data_in_leaf": 20}
    few = dataclasses.replace(recipe, trees=8, folds=3, negatives=1.0, lightgbm=lightgbm, members=recipe.members[:1])
    return few.on("nightlamp_journal")


def quiet(_what: str, _done: int, _total: int) -> None:
    """No progress."""


def both(server: RunningServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Recording, Recording]:
    """What the journal gives and what the tables give."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return nightlamp_journal.read(folder), nightlamp_tables.read(folder)


def same(one: Recording, other: Recording) -> None:
    assert one.patient_id == other.patient_id
    assert one.encounters == other.encounters
    assert one.sha256() == other.sha256()
    rows, others = (feature_rows(small(), recording, quiet) for recording in (one, other))
    assert rows.tobytes() == others.tobytes()


def test_tables_and_journal_of_a_ward_give_the_same_recording_bit_for_bit(
    new_server: Callable[..., RunningServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, asked = new_server(tmp_path), tmp_path / "asked"
    asked.mkdir()
    patient, other = f"P{unique()}", f"P{unique()}"
    now = datetime.now(UTC)
    (asked / "outcomes.csv").write_text(f"patient,time\n{patient},{(now + timedelta(hours=2)).isoformat()}\n")

    drawn = stamp(30)

    def lactate(value: str, status: str) -> str:
        head = [msh("ORU^R01", f"R{unique()}"), f"PID|1||{patient}^^^HOSP^MR", "OBR|1|||V"]
        return "\r".join([*head, f"OBX|1|NM|2524-7^^LN||{value}|mmol/L|||||{status}|||{drawn}", ""])

    said = [
        admission(patient, "ICU", "7"),
        admission(other, "ICU", "8"),
        vitals(patient, {"8867-4": ("118", "/min"), "8310-5": ("101.3", "[degF]")}, ago_s=60),
        vitals(other, {"8867-4": ("70", "/min")}),
        lactate("9.9", "F"),
        lactate("2.9", "C"),
        vitals(other, {"9279-1": ("14", "/min")}),
    ]
    with server.client("ehr") as ehr:
        for message in said:
            assert "MSA|AA" in ehr.post("/v1/hl7v2", content=message, headers=HL7).text
        # The monitor knows only its bed; who lay there is the engine's to say.
        monitor = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"m{unique()}")
        monitor.username_pw_set(server.key_id("device"), server.keys["device"])
        monitor.connect("127.0.0.1", server.mqtt_port)
        monitor.loop_start()
        time_ms = int(datetime.now(UTC).timestamp() * 1000) - 2000
        for n in range(20):
            item = {"code": "8867-4", "value": 100 + n, "unit": "/min", "time": time_ms + n}
            body = json.dumps({"id": str(n), "observations": [item]})
            monitor.publish("nightlamp/v1/ICU/7/vitals", body, qos=1).wait_for_publish(10)
        monitor.loop_stop()
        monitor.disconnect()
        assert "MSA|AA" in ehr.post("/v1/hl7v2", content=lactate("", "W"), headers=HL7).text

    def all_there() -> bool:
        one, two = both(server, asked, monkeypatch)
        return len(one.value) == len(two.value) == 27

    until(all_there, 60)
    journal, tables = both(server, asked, monkeypatch)
    same(journal, tables)
    assert journal.patients == 2
    signal = journal.signal.tolist()
    assert signal.count(NUMBER["HR"]) == 22
    assert signal.count(NUMBER["Lactate"]) == 3
    assert np.isnan(journal.value).sum() == 1
    assert journal.known_at_us is not None
    assert (journal.known_at_us >= journal.observed_at_us).all()
    last = [{"signal": name, "stats": ["last"]} for name in ("HR", "Lactate")]
    rows = feature_rows(dataclasses.replace(small(), plan={"features": last}), journal, quiet)
    of_patient = int(journal.patient[journal.signal == NUMBER["Lactate"]][0])
    row = rows[np.flatnonzero(journal.row_patient == of_patient)[-1]]
    assert row[0] == 119.0
    assert np.isnan(row[1]), "withdrawn"
    assert labels(journal, "outcome", horizon_h=6).value[journal.row_patient == of_patient].tolist() == [1]
    server.stop()
    same(journal, nightlamp_journal.read(asked))
    same(journal, nightlamp_tables.read(asked))


@pytest.mark.timeout(240)
def test_a_model_learns_from_what_a_server_recorded(
    new_server: Callable[..., RunningServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, asked = new_server(tmp_path, DECODE__RECORDED_TIME="true"), tmp_path / "asked"
    asked.mkdir()
    draw, start, outcomes = np.random.default_rng(5), datetime(2021, 3, 1, 8, tzinfo=UTC), ["patient,time_us"]
    with server.client("ehr") as ehr:
        for n in range(120):
            septic, began = n % 4 == 0, start + timedelta(hours=int(draw.integers(0, 200)))
            patient = f"P{unique()}"
            texts = [_admission(patient, n, began)]
            for hour in range(1, 11):
                rise = 25.0 if septic and hour >= 5 else 0.0
                texts.append(_vitals(patient, began + timedelta(hours=hour, minutes=-20), draw, rise))
            if septic:
                outcomes.append(f"{patient},{_us(began + timedelta(hours=9, minutes=30))}")
            for text in texts:
                assert "MSA|AA" in ehr.post("/v1/hl7v2", content=text, headers=HL7).text
    (asked / "outcomes.csv").write_text("\n".join(outcomes) + "\n")
    (asked / "data.toml").write_text('name = "made up"\nknown = "observed"\n')
    values = 120 * 10 * 4
    until(lambda: len(both(server, asked, monkeypatch)[1].value) == values, 120)
    journal, tables = both(server, asked, monkeypatch)
    same(journal, tables)
    assert (journal.patients, journal.rows) == (120, 1200)
    trained = train(small(), journal, quiet, 20)
    again = train(small(), tables, quiet, 20)
    assert trained.model == again.model
    assert trained.figures["overall"]["auroc"] > 0.7
    folder = bundle.write(trained, tmp_path / "models", "2026-01-01")
    assert Scorers([folder])
    assert journal.sha256() in (folder / "manifest.toml").read_text()


def _us(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def _dtm(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S+0000")


def _head(event: str, at: datetime) -> str:
    return rf"MSH|^~\&|EHR|HOSPITAL|NIGHTLAMP||{_dtm(at)}||{event}|{unique()}|P|2.5.1"


def _admission(patient: str, bed: int, at: datetime) -> str:
    person = f"PID|1||{patient}^^^HOSP^MR||||19500512|F"
    return "\r".join([_head("ADT^A01^ADT_A01", at), f"EVN||{_dtm(at)}", person, f"PV1|1|I|ICU^1^{bed}", ""])


def _vitals(patient: str, at: datetime, draw: np.random.Generator, rise: float) -> str:
    found = {"8867-4": (85 + rise, "/min"), "9279-1": (16 + rise / 5, "/min"), "8480-6": (125 - rise, "mm[Hg]")}
    found["8310-5"] = (37 + rise / 25, "Cel")
    rows = [
        f"OBX|{n}|NM|{code}^^LN||{centre + draw.normal():.1f}|{unit}|||||F|||{_dtm(at)}"
        for n, (code, (centre, unit)) in enumerate(found.items(), 1)
    ]
    return "\r".join([_head("ORU^R01^ORU_R01", at), f"PID|1||{patient}^^^HOSP^MR", "OBR|1|||V", *rows, ""])
