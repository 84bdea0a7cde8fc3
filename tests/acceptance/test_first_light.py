"""The route from end to end, over real sockets: from an HL7 message to stored observations, scores and alerts."""

import json
import time
from typing import Any

from messages import ILL, WELL, acknowledgement, admission, unique, vitals
from running_server import RunningServer
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}


def test_from_an_hl7_message_to_observations_scores_and_an_alert(server: RunningServer) -> None:
    patient, unit = f"P{unique()}", f"U{unique()}"
    messages = [
        admission(patient, unit, "1"),
        vitals(patient, WELL, ago_s=120),
        vitals(patient, ILL, ago_s=1),
        vitals(patient, ILL, ago_s=0),
    ]
    with server.client("ehr") as ehr, server.client("nurse") as nurse:
        for message in messages:
            answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
            assert (answer.status_code, acknowledgement(answer.text)["MSA"][0][1]) == (200, "AA"), answer.text
        (row,) = until(lambda: nurse.get("/v1/patients", params={"unit": unit}).json()["items"])
        path = f"/v1/patients/{row['patient_id']}"
        assert row["bed"] == "1"
        assert row["identity"]["family"] == "Nightingale"
        until(lambda: len(nurse.get(f"{path}/observations").json()["items"]) >= len(WELL) + len(ILL))
        values = nurse.get(f"{path}/observations").json()["items"]
        assert {"HR", "SBP"} <= {one["signal"] for one in values}
        scores = until(lambda: nurse.get(f"{path}/scores", params={"model": "news2"}).json()["items"])
        assert max(one["value"] for one in scores) >= 12
        assert scores[0]["inputs"]
        alerts = until(lambda: nurse.get(f"{path}/alerts").json()["items"])
        assert alerts[0]["state"] == "open"
        assert alerts[0]["contributions"]


def test_a_data_scientist_sees_pseudonyms_and_an_sre_no_patient(server: RunningServer) -> None:
    patient, unit = f"P{unique()}", f"U{unique()}"
    with server.client("ehr") as ehr:
        ehr.post("/v1/hl7v2", content=admission(patient, unit, "1"), headers=HL7)
    with server.client("data_scientist") as reader:
        (row,) = until(lambda: reader.get("/v1/patients", params={"unit": unit}).json()["items"])
        assert row["identity"] is None
        assert patient not in json.dumps(row)
    with server.client("sre") as sre:
        assert sre.get("/v1/patients").status_code == 403


def test_a_monitor_of_an_empty_bed_is_dead_lettered_and_replayed_after_the_admission(server: RunningServer) -> None:
    patient, unit = f"P{unique()}", f"U{unique()}"
    body = {
        "id": unique(),
        "device": "monitor-1",
        "bed": {"unit": unit, "bed": "7"},
        "time": int(time.time() * 1000),
        "observations": [{"code": "8867-4", "value": 81, "unit": "/min"}],
    }
    where = ("--url", server.url, "--key", server.keys["admin"])
    with server.client("device") as device, server.client("admin") as admin, server.client("ehr") as ehr:
        answer = device.post("/v1/observations", json=body)
        assert answer.status_code == 202, answer.text
        seq = answer.json()["seq"]

        def letters() -> list[dict[str, Any]]:
            return [one for one in admin.get("/v1/dead-letters").json()["items"] if one["seq"] == seq]

        (letter,) = until(letters)
        assert (letter["reason"], letter["source"]) == ("empty_bed", "json_http")
        shown = server.command("dead-letters", "show", str(seq), "--raw", *where)
        assert json.loads(shown.stdout) == body, shown.stderr
        ehr.post("/v1/hl7v2", content=admission(patient, unit, "7"), headers=HL7)
        (row,) = until(lambda: admin.get("/v1/patients", params={"unit": unit}).json()["items"])
        again = server.command("dead-letters", "replay", str(seq), *where)
        assert again.returncode == 0, again.stderr
        values = until(lambda: admin.get(f"/v1/patients/{row['patient_id']}/observations").json()["items"])
        assert [(one["signal"], one["value"]) for one in values] == [("HR", 81.0)]
        until(lambda: letters()[0]["replayed_at"])
