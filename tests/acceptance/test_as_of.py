"""As it was: what was stored comes out of the journal again, bit for bit, beside the running server and without it."""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import pytest
from messages import ILL, WELL, admission, msh, stamp, unique, vitals
from running_server import RunningServer
from waiting import until

ROOT = Path(__file__).resolve().parents[2]
HL7 = {"Content-Type": "application/hl7-v2"}
Start = Callable[..., RunningServer]
#: What a stored row and a score of the past have in common.
SAME = (
    "model",
    "version",
    "model_sha256",
    "scored_at",
    "raw",
    "value",
    "band",
    "present",
    "expected",
    "seq",
    "ordinal",
)


def transfer(patient: str, unit: str, bed: str) -> str:
    """ADT^A02 into another bed."""
    return "\r".join(
        [
            msh("ADT^A02", f"T{unique()}"),
            f"EVN|A02|{stamp()}",
            f"PID|1||{patient}^^^HOSP^MR||Nightingale^Florence",
            f"PV1|1|I|{unit}^1^{bed}",
            "",
        ]
    )


def readings(server: RunningServer, unit: str, rounds: int) -> None:
    """Monitors of beds 1 to 3 by MQTT, one reading a round and bed; returns once all are acknowledged."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"monitors-{unique()}")
    client.username_pw_set(server.key_id("device"), server.keys["device"])
    client.connect("127.0.0.1", server.mqtt_port)
    client.loop_start()
    for number in range(rounds):
        for bed in ("1", "2", "3"):
            ill = number % 4 >= 2 and bed != "3"
            values = [("8867-4", 131 if ill else 70 + number, "/min"), ("9279-1", 27 if ill else 15, "/min")]
            values += [("59408-5", 89 if ill else 97, "%"), ("8480-6", 88.5 if ill else 121.25, "mm[Hg]")]
            body = {
                "id": unique(),
                "device": f"m{bed}",
                "time": int(time.time() * 1000),
                "observations": [{"code": code, "value": value, "unit": unit} for code, value, unit in values],
            }
            client.publish(f"nightlamp/v1/{unit}/{bed}/vitals", json.dumps(body), qos=1).wait_for_publish(10)
        time.sleep(0.05)
    client.loop_stop()
    client.disconnect()


def ward(server: RunningServer) -> tuple[str, list[str]]:
    """Three patients, vital signs, laboratory, a transfer, a late and a corrected value: unit and pseudonyms."""
    unit = f"U{unique()}"
    people = [f"P{unique()}" for _ in range(3)]
    lab = {"2524-7": ("3.4", "mmol/L"), "6690-2": ("15.2", "10*3/uL")}
    with server.client("ehr") as ehr:

        def post(message: str) -> None:
            assert ehr.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200

        for bed, patient in enumerate(people, 1):
            post(admission(patient, unit, str(bed)))
            post(vitals(patient, WELL, ago_s=600))
        readings(server, unit, 6)
        post(vitals(people[0], lab, ago_s=300))
        post(vitals(people[0], ILL, ago_s=60))
        post(vitals(people[1], {"8310-5": ("39.1", "Cel")}, ago_s=900))
        post(transfer(people[0], unit, "2"))
        readings(server, unit, 4)
        post(vitals(people[0], ILL).replace("|||||F|||", "|||||C|||"))
    with server.client("nurse") as nurse:
        rows = until(lambda: (found := _patients(nurse, unit)) and len(found) == 3 and found)
    return unit, rows


def _patients(nurse: httpx.Client, unit: str) -> list[str]:
    rows = nurse.get("/v1/patients", params={"unit": unit, "gone": True}).json()["items"]
    return (
        [row["patient_id"] for row in nurse.get("/v1/patients", params={"gone": True}).json()["items"]] if rows else []
    )


def stored(server: RunningServer, patient: str) -> list[dict[str, Any]]:
    """All stored scores of a patient, once everything durable is stored."""
    with server.client("sre") as sre, server.client("nurse") as nurse:
        said = sre.get("/metrics").text
        durable = float(re.search(r"^nightlamp_journal_durable_seq (\S+)$", said, re.MULTILINE)[1])  # type: ignore[index]

        def is_stored() -> bool:
            cursor = re.search(r"^nightlamp_store_cursor_seq (\S+)$", sre.get("/metrics").text, re.MULTILINE)
            return cursor is not None and float(cursor[1]) >= durable

        until(is_stored)
        page = nurse.get(f"/v1/patients/{patient}/scores", params={"features": True, "limit": 5_000}).json()
    assert page["next_cursor"] is None
    return list(page["items"])


def check(row: dict[str, Any], past: dict[str, Any]) -> None:
    """A past shows a stored row as it is."""
    (score,) = [
        one
        for one in past["scores"]
        if one["origin"] == "stored" and (one["seq"], one["model"]) == (row["seq"], row["model"])
    ]
    assert {key: score[key] for key in SAME} == {key: row[key] for key in SAME}
    assert score["features"] == row["features"]
    kept = ("signal", "value", "age_s", "points")
    assert [{key: one[key] for key in kept} for one in score["inputs"]] == row["inputs"]


def test_every_stored_score_comes_again_beside_the_server_after_a_restart_and_without_it(new_server: Start) -> None:
    server = new_server(JOURNAL__SNAPSHOT_S="1")
    _, patients = ward(server)
    rows = {patient: stored(server, patient) for patient in patients}
    assert {"news2", "sepsis"} <= {row["model"] for found in rows.values() for row in found}
    for attempt in ("first", "restarted"):
        if attempt == "restarted":
            assert server.stop() == 0
            server = new_server(server.data_dir)
        with server.client("data_scientist") as reader, server.client("sre") as sre:
            for patient, found in rows.items():
                for row in found if attempt == "first" else found[::7]:
                    asked = {"at": row["scored_at"], "features": True}
                    answer = reader.get(f"/v1/patients/{patient}/as-of", params=asked)
                    assert answer.status_code == 200, answer.text
                    past = answer.json()
                    if past["seq"] != row["seq"]:
                        past = reader.get(
                            f"/v1/patients/{patient}/as-of", params={"seq": row["seq"], "features": True}
                        ).json()
                    check(row, past)
                    assert past["not_reproduced"] == []
                    is_row = [one["matches_stored"] for one in past["scores"] if one["origin"] == "stored"]
                    assert set(is_row) == {True}, past["scores"]
            assert 'nightlamp_replay_scores_compared_total{kind="different"}' not in sre.get("/metrics").text
    assert server.stop() == 0
    for patient, found in rows.items():
        row = found[len(found) // 2]
        run = server.command("replay", "--patient", patient, "--seq", row["seq"], "--features", "--json", "--offline")
        assert run.returncode == 0, run.stderr
        past = json.loads(run.stdout)
        check(row, past)
        assert {one["matches_stored"] for one in past["scores"]} == {None}, "no database was asked"
    assert "Nightingale" not in server.log


@pytest.fixture(scope="module")
def told(server: RunningServer) -> tuple[RunningServer, str]:
    """A patient with a heart rate and nothing else, a while ago."""
    unit, patient = f"U{unique()}", f"P{unique()}"
    with server.client("ehr") as ehr, server.client("nurse") as nurse:
        ehr.post("/v1/hl7v2", content=admission(patient, unit, "1"), headers=HL7)
        ehr.post("/v1/hl7v2", content=vitals(patient, {"8867-4": ("80", "/min")}, ago_s=30), headers=HL7)
        (row,) = until(lambda: nurse.get("/v1/patients", params={"unit": unit}).json()["items"])
    assert stored(server, row["patient_id"])
    return server, row["patient_id"]


def test_a_time_without_a_stored_score_shows_the_state_and_what_is_missing(told: tuple[RunningServer, str]) -> None:
    server, patient = told
    row = stored(server, patient)[0]
    at = datetime.fromisoformat(row["scored_at"]) + timedelta(milliseconds=500)
    time.sleep(0.6)
    with server.client("nurse") as nurse:
        past = nurse.get(f"/v1/patients/{patient}/as-of", params={"at": at.isoformat(), "scorer": "news2"}).json()
    assert datetime.fromisoformat(past["at"]) == at
    assert [signal["signal"] for signal in past["signals"]] == ["HR"]
    assert 30 <= past["signals"][0]["age_s"] < 40
    by_origin = {score["origin"]: score for score in past["scores"]}
    computed = by_origin["computed"]
    assert (by_origin["stored"]["matches_stored"], computed["matches_stored"]) == (True, None)
    assert datetime.fromisoformat(computed["scored_at"]) == at
    missing = [one for one in computed["inputs"] if one["signal"] != "HR"]
    assert missing
    assert all((one["value"], one["age_s"], one["points"]) == (None, None, None) for one in missing)
    known = next(one for one in computed["inputs"] if one["signal"] == "HR")
    assert (known["value"], computed["present"]) == (80, 1)


def test_a_wrong_time_is_refused_precisely(told: tuple[RunningServer, str]) -> None:
    server, patient = told
    tomorrow = (datetime.now().astimezone() + timedelta(days=1)).isoformat()
    with server.client("nurse") as nurse:
        for asked, status, words in [
            ({"at": "yesterday"}, 422, "query.at"),
            ({"at": "2026-03-01T12:30:00"}, 422, "with its offset"),
            ({"at": tomorrow}, 422, "future"),
            ({}, 422, "either at or seq"),
            ({"seq": 2, "at": "2026-03-01T12:30:00Z"}, 422, "either at or seq"),
            ({"at": "2001-01-01T00:00:00Z"}, 404, "nothing had been received yet"),
            ({"seq": 2**40}, 404, "no frame"),
        ]:
            answer = nurse.get(f"/v1/patients/{patient}/as-of", params=asked)
            assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
        other = nurse.get(f"/v1/patients/{patient[:-4]}0000/as-of", params={"seq": 2})
        assert other.status_code == 404
    with server.client("sre") as sre:
        assert sre.get(f"/v1/patients/{patient}/as-of", params={"seq": 2}).status_code == 403
    run = server.command("replay", "--patient", patient, "--at", "noon", "--offline")
    assert (run.returncode, "expected RFC 3339" in run.stderr) == (2, True)


def test_who_asked_is_logged_without_identity(told: tuple[RunningServer, str]) -> None:
    server, patient = told
    row = stored(server, patient)[0]
    where = ("--url", server.url, "--key", server.keys["nurse"])
    run = server.command("replay", "--patient", patient, "--at", row["scored_at"], *where)
    assert run.returncode == 0, run.stderr
    assert "news2" in run.stdout
    lines = [json.loads(line) for line in server.log.splitlines() if '"as of"' in line]
    mine = [line for line in lines if line["patient"] == patient and line["role"] == "nurse"]
    assert mine
    assert mine[-1]["principal"] == server.key_id("nurse")
    assert "Nightingale" not in server.log


def bundle(models: Path, version: str) -> None:
    """The shipped sepsis bundle under another version: the same trees in a file with another hash."""
    shipped, folder = ROOT / "models/sepsis/1.1.0", models / "sepsis" / version
    folder.mkdir(parents=True)
    model = (shipped / "model.txt").read_bytes() + b"\n" * len(version)
    manifest = (shipped / "manifest.toml").read_text()
    sha256 = hashlib.sha256((shipped / "model.txt").read_bytes()).hexdigest()
    manifest = manifest.replace(sha256, hashlib.sha256(model).hexdigest()).replace(
        'version = "1.1.0"', f'version = "{version}"', 1
    )
    (folder / "model.txt").write_bytes(model)
    (folder / "manifest.toml").write_text(manifest)


def test_a_score_comes_from_the_model_of_then_or_is_refused_by_name(new_server: Start, tmp_path: Path) -> None:
    models, data = tmp_path / "models", tmp_path / "data"
    data.mkdir()
    bundle(models, "1.0.1")
    server = new_server(data, MODELS__DIR=str(models))
    _, patients = ward(server)
    rows = [(patient, row) for patient in patients for row in stored(server, patient) if row["model"] == "sepsis"]
    patient, row = rows[0]
    assert row["version"] == "1.0.1"
    bundle(models, "1.0.22")
    assert server.stop() == 0
    for is_here in (True, False):
        if not is_here:
            assert server.stop() == 0
            shutil.rmtree(models / "sepsis/1.0.1")
        server = new_server(data, MODELS__DIR=str(models))
        with server.client("nurse") as nurse:
            asked = {"seq": row["seq"], "features": True}
            past = nurse.get(f"/v1/patients/{patient}/as-of", params=asked).json()
            if is_here:
                check(row, past)
                assert {one["matches_stored"] for one in past["scores"] if one["origin"] == "stored"} == {True}
                continue
            version = {"name": "sepsis", "version": "1.0.1", "sha256": row["model_sha256"]}
            assert past["missing_models"] == [version]
            assert "sepsis" not in {one["model"] for one in past["scores"]}
            refused = nurse.get(f"/v1/patients/{patient}/as-of", params={**asked, "scorer": "sepsis"})
            assert refused.status_code == 409
            assert all(part in refused.json()["detail"] for part in version.values())


def test_what_the_journal_no_longer_holds_is_gone_with_the_oldest_time_there_is(new_server: Start) -> None:
    server = new_server(
        JOURNAL__SNAPSHOT_S="1",
        JOURNAL__RETENTION_S="0",
        LIMITS__JOURNAL_SEGMENT_BYTES_MAX="65536",
        JOURNAL__SNAPSHOTS_KEPT="0",
    )
    _, (patient, *_) = ward(server)
    first = stored(server, patient)[-1]
    unit = f"U{unique()}"

    def is_gone() -> str:
        readings(server, unit, 60)
        with server.client("nurse") as nurse:
            answer = nurse.get(f"/v1/patients/{patient}/as-of", params={"at": first["scored_at"]})
        return answer.json()["detail"] if answer.status_code == 410 else ""

    detail = until(is_gone, within_s=60)
    oldest = datetime.fromisoformat(detail.rpartition("the oldest is ")[2])
    assert oldest > datetime.fromisoformat(first["scored_at"])
    with server.client("nurse") as nurse:
        asked = {"at": (oldest + timedelta(seconds=1)).isoformat()}
        assert until(lambda: nurse.get(f"/v1/patients/{patient}/as-of", params=asked).status_code) in {200, 410, 422}
        assert nurse.get(f"/v1/patients/{patient}/as-of", params={"at": stamp_now()}).status_code == 200


def stamp_now() -> str:
    """This moment as the API wants it."""
    return datetime.now().astimezone().isoformat()
