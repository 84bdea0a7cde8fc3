"""Corrections end to end over HTTP HL7: what was wrong is undone in tables, scores, alerts and the stream."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from messages import ILL, WELL, acknowledgement, admission, adt, result, stamp, unique, vitals
from running_server import RunningServer
from waiting import until
from websockets.sync.client import connect

HL7 = {"Content-Type": "application/hl7-v2"}


class Ward:
    """One unit of its own: what the EHR sends, what a nurse sees."""

    def __init__(self, server: RunningServer, ehr: httpx.Client, nurse: httpx.Client, admin: httpx.Client) -> None:
        self.server, self._ehr, self._nurse, self._admin = server, ehr, nurse, admin
        self.unit = f"U{unique()}"

    def send(self, message: str) -> None:
        answer = self._ehr.post("/v1/hl7v2", content=message, headers=HL7)
        assert acknowledgement(answer.text)["MSA"][0][1] == "AA", answer.text

    def lying(self) -> dict[str, str]:
        """Bed to pseudonym."""
        items = self._nurse.get("/v1/patients", params={"unit": self.unit}).json()["items"]
        return {one["bed"]: one["patient_id"] for one in items}

    def of(self, pseudonym: str, what: str, **query: Any) -> list[dict[str, Any]]:
        answer = self._nurse.get(f"/v1/patients/{pseudonym}/{what}", params={"limit": 500, **query})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def letters(self, reason: str) -> int:
        return len(self._admin.get("/v1/dead-letters", params={"reason": reason}).json()["items"])

    def as_of(self, pseudonym: str) -> dict[str, Any]:
        at = datetime.now(UTC).isoformat()
        found: dict[str, Any] = self._nurse.get(f"/v1/patients/{pseudonym}/as-of", params={"at": at}).json()
        return found


@pytest.fixture
def ward(server: RunningServer) -> Any:
    with server.client("ehr") as ehr, server.client("nurse") as nurse, server.client("admin") as admin:
        yield Ward(server, ehr, nurse, admin)


def test_p7_corrected_and_deleted_values_leave_values_scores_and_alerts(ward: Ward) -> None:
    patient, at = f"P{unique()}", stamp(5)
    ward.send(admission(patient, ward.unit, "1"))
    for message in (vitals(patient, ILL, ago_s=3), vitals(patient, ILL, ago_s=2)):
        ward.send(message)
    pseudonym = until(lambda: ward.lying().get("1"))
    assert pseudonym
    until(lambda: [one for one in ward.of(pseudonym, "alerts") if one["state"] == "open"])
    ward.send(result(patient, "2524-7", "9.1", "mmol/L", at))
    ward.send(result(patient, "2524-7", "1.9", "mmol/L", at, "C"))

    def lactate() -> list[tuple[float, str]]:
        return [(one["value"], one["status"]) for one in ward.of(pseudonym, "observations", signal="Lactate")]

    until(lambda: lactate() == [(1.9, "corrected")])
    before = ward.letters("superseded")
    ward.send(result(patient, "2524-7", "9.1", "mmol/L", at))  # the original comes once more, and late
    until(lambda: ward.letters("superseded") == before + 1)
    assert lactate() == [(1.9, "corrected")]
    ward.send(result(patient, "2524-7", "", "", at, "D"))
    until(lambda: not lactate())
    # All that the alert rests on was posted to the wrong patient.
    held = until(lambda: ward.of(pseudonym, "observations"))
    codes = {"HR": "8867-4", "Resp": "9279-1", "O2Sat": "59408-5", "SBP": "8480-6", "DBP": "8462-4", "Temp": "8310-5"}
    for one in held:
        observed = datetime.fromisoformat(one["observed_at"]).strftime("%Y%m%d%H%M%S+0000")
        ward.send(result(patient, codes[one["signal"]], "", "", observed, "W"))
    until(lambda: not ward.of(pseudonym, "observations"))
    until(lambda: all(one["state"] == "cleared" for one in ward.of(pseudonym, "alerts")))
    assert ward.as_of(pseudonym)["signals"] == []


def test_p7_cancelled_events_are_undone(ward: Ward) -> None:
    patient = f"P{unique()}"
    ward.send(admission(patient, ward.unit, "1"))
    ward.send(vitals(patient, ILL))
    pseudonym = until(lambda: ward.lying().get("1"))
    assert pseudonym
    ward.send(adt("A02", patient, f"{ward.unit}/2"))
    until(lambda: ward.lying() == {"2": pseudonym})
    ward.send(adt("A12", patient, f"{ward.unit}/1"))
    until(lambda: ward.lying() == {"1": pseudonym})
    ward.send(adt("A03", patient, f"{ward.unit}/1"))
    until(lambda: ward.lying() == {})
    scored = len(ward.of(pseudonym, "scores", model="news2"))
    ward.send(adt("A13", patient, f"{ward.unit}/1"))
    until(lambda: ward.lying() == {"1": pseudonym})
    until(lambda: len(ward.of(pseudonym, "scores", model="news2")) > scored)
    past = ward.as_of(pseudonym)
    assert (past["bed"], past["discharged_at"]) == ("1", None)
    assert {one["signal"] for one in past["signals"]} >= {"HR", "SBP"}
    ward.send(adt("A11", patient))
    until(lambda: ward.lying() == {})
    until(lambda: all(one["state"] == "cleared" for one in ward.of(pseudonym, "alerts")))
    assert ward.of(pseudonym, "observations"), "the values stay in the tables"
    for event, reason in (("A12", "nothing_to_cancel"), ("A13", "nothing_to_cancel")):
        before = ward.letters(reason)
        ward.send(adt(event, patient, occurred=stamp(-5)))  # not the second of the one before: that would be it again
        until(lambda reason=reason, before=before: ward.letters(reason) == before + 1)
    before = ward.letters("unknown_patient")
    ward.send(adt("A13", f"P{unique()}"))
    until(lambda: ward.letters("unknown_patient") == before + 1)


def test_p7_an_admission_told_again_after_its_cancellation_is_on_the_ward(ward: Ward) -> None:
    patient, came = f"P{unique()}", stamp(600)
    ward.send(adt("A01", patient, f"{ward.unit}/4", occurred=stamp(300), cancels=came))
    until(lambda: list(ward.lying()) == ["4"])
    ward.send(adt("A11", patient, occurred=stamp(200), cancels=came))
    until(lambda: ward.lying() == {})
    # The first once more under another control id, then the true admission: both occurred before the cancellation.
    ward.send(adt("A01", patient, f"{ward.unit}/4", occurred=stamp(300), cancels=came))
    ward.send(adt("A01", patient, f"{ward.unit}/5", occurred=stamp(100), cancels=came))
    until(lambda: list(ward.lying()) == ["5"])
    (pseudonym,) = ward.lying().values()
    assert ward.as_of(pseudonym)["bed"] == "5"
    ward.send(adt("A11", patient, occurred=stamp(50), cancels=came))
    until(lambda: ward.lying() == {})
    lines = [line.split("|") for line in adt("A01", patient, f"{ward.unit}/6", cancels=came).split("\r")]
    lines[0][6] = lines[1][2] = ""  # neither MSH-7 nor EVN-2 says when it was recorded
    before = ward.letters("missing_time")
    ward.send("\r".join("|".join(line) for line in lines))
    until(lambda: ward.letters("missing_time") == before + 1)
    assert ward.lying() == {}


def test_p7_merged_records_are_one_patient_in_tables_api_as_of_and_stream(ward: Ward) -> None:
    former, patient = f"P{unique()}", f"P{unique()}"
    ward.send(admission(former, ward.unit, "1", family="Seacole"))
    ward.send(admission(patient, ward.unit, "2"))
    ward.send(vitals(former, ILL, ago_s=3))
    ward.send(vitals(patient, {"2524-7": ("1.1", "mmol/L")}, ago_s=3))
    lying = until(lambda: len(found := ward.lying()) == 2 and found)
    assert lying
    old, survivor = lying["1"], lying["2"]
    until(lambda: ward.of(old, "alerts") and ward.of(survivor, "observations"))
    url = ward.server.url.replace("http", "ws") + "/v1/stream"
    headers = {"Authorization": f"Bearer {ward.server.keys['nurse']}"}
    with connect(url, additional_headers=headers, proxy=None) as stream:
        stream.send(json.dumps({"subscribe": {"units": [ward.unit]}}))
        while not any(one["type"] == "ready" for one in json.loads(stream.recv(timeout=20))):
            pass
        ward.send(adt("A40", patient, merges=former))
        heard: list[dict[str, Any]] = []
        while not {("left", old), ("patient", survivor)} <= {(one["type"], one.get("patient")) for one in heard}:
            heard += json.loads(stream.recv(timeout=20))
            if ("left", old) not in {(one["type"], one.get("patient")) for one in heard}:
                heard = [one for one in heard if one["type"] == "left"]
    until(lambda: ward.lying() == {"2": survivor})
    # Asked by either name, it is the survivor who answers, with the values of both.
    ward.send(vitals(former, {"6690-2": ("7.5", "10*3/uL")}))
    for name in (survivor, old):
        until(lambda name=name: {"HR", "Lactate", "WBC"} <= {one["signal"] for one in ward.of(name, "observations")})
        past = until(lambda name=name: ward.as_of(name))
        assert past["patient_id"] == survivor
        assert {"HR", "Lactate"} <= {one["signal"] for one in past["signals"]}
        assert all(one["matches_stored"] for one in past["scores"] if one["origin"] == "stored"), past["scores"]
        ended = [one for one in ward.of(name, "alerts") if one["patient_id"] == survivor and one["state"] == "cleared"]
        assert ended, "the former record's alerts ended"
        assert any(one["state"] == "open" for one in ward.of(name, "alerts")), "the survivor was scored at once"
    before = ward.letters("merge_conflict")
    ward.send(adt("A40", former, merges=patient))
    until(lambda: ward.letters("merge_conflict") == before + 1)
    ward.send(vitals(patient, WELL))
