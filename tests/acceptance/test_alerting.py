"""The life of an alert on a real server: people answer, nobody does, the server is killed meanwhile."""

import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from messages import ILL, WELL, acknowledgement, admission, adt, unique, vitals
from running_server import RunningServer
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
Start = Callable[..., RunningServer]
POLICY = """
[[rule]]
name = "news2-high"
cause = "news2"
score = "news2"
severity = "high"
enter = 7
clear = 4
[[escalation]]
severity = "high"
steps = [{ after_s = 3, to = "charge_nurse" }, { after_s = 9, to = "physician" }]
"""


class Bed:
    """A patient in a unit of its own, and the alert about NEWS2."""

    def __init__(self, server: RunningServer) -> None:
        self.server, self.patient, self.unit = server, f"P{unique()}", f"U{unique()}"
        self.send(admission(self.patient, self.unit, "1"))

    def send(self, message: str) -> None:
        with self.server.client("ehr") as ehr:
            answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
        assert acknowledgement(answer.text)["MSA"][0][1] == "AA", answer.text

    def measure(self, values: dict[str, tuple[str, str]]) -> None:
        self.send(vitals(self.patient, values))

    def alerts(self, **query: str) -> list[dict[str, Any]]:
        with self.server.client("nurse") as nurse:
            answer = nurse.get("/v1/alerts", params={"unit": self.unit, **query})
        assert answer.status_code == 200, answer.text
        return [one for one in answer.json()["items"] if one["cause"] == "news2"]

    def opened(self) -> dict[str, Any]:
        """The alert, once it is open."""
        self.measure(ILL)
        (alert,) = until(lambda: self.alerts(state="active"))
        return alert

    def recovered(self) -> bool:
        """Measures once more; the values of one second are one evaluation."""
        self.measure(WELL)
        return bool(self.alerts(state="cleared"))

    def steps(self, alert: dict[str, Any]) -> list[dict[str, Any]]:
        return [step for one in self.alerts() if one["alert_id"] == alert["alert_id"] for step in one["history"]]

    def kinds(self, alert: dict[str, Any]) -> list[str]:
        return [step["kind"] for step in self.steps(alert)]


@pytest.fixture
def bed(server: RunningServer) -> Bed:
    return Bed(server)


def _act(server: RunningServer, alert_id: object, action: str, role: str = "nurse", **said: object) -> httpx.Response:
    with server.client(role) as client:
        return client.post(f"/v1/alerts/{alert_id}/{action}", json=said)


def test_an_alert_is_acknowledged_snoozed_passed_on_and_still_clears_only_by_itself(bed: Bed) -> None:
    server, alert = bed.server, bed.opened()
    note, alert_id = f"seen, {unique()}", alert["alert_id"]
    first = _act(server, alert_id, "acknowledge", note=note)
    assert (first.status_code, first.json()["alert_id"]) == (200, alert_id)
    assert _act(server, alert_id, "acknowledge", note=note).json()["seq"] > first.json()["seq"], "repeating is harmless"
    assert _act(server, alert_id, "snooze", reason="on the way to CT", minutes=30).status_code == 200
    assert _act(server, alert_id, "unsnooze").status_code == 200
    assert _act(server, alert_id, "escalate", role="charge_nurse", to="physician", note="worse").status_code == 200
    steps = until(lambda: found if len(found := bed.steps(alert)) >= 5 else None)
    assert [step["kind"] for step in steps] == ["opened", "acknowledged", "snoozed", "unsnoozed", "escalated"]
    assert (steps[1]["by"], steps[1]["role"], steps[1]["note"]) == (server.key_id("nurse"), "nurse", note)
    until_at = datetime.fromisoformat(steps[2]["until_at"]) - datetime.fromisoformat(steps[2]["at"])
    assert timedelta(minutes=29) < until_at <= timedelta(minutes=30)
    (now,) = bed.alerts()
    assert (now["state"], now["to"], now["by"]) == ("escalated", "physician", server.key_id("charge_nurse"))
    assert (now["answered_by"], now["cleared_at"]) == (server.key_id("nurse"), None)
    until(lambda: bed.recovered())
    assert _act(server, alert_id, "acknowledge").status_code == 409
    assert note not in server.log, "what a person writes is no log's (P6)"


def test_who_may_act_on_what_and_what_is_wrong_is_said_by_field(bed: Bed) -> None:
    server, alert = bed.server, bed.opened()
    alert_id = alert["alert_id"]
    for role in ("data_scientist", "ehr"):
        assert _act(server, alert_id, "acknowledge", role=role).status_code == 403
    assert _act(server, alert_id, "acknowledge", role="sre").status_code == 404, "a patient's looks like none"
    with server.client(None) as nobody:
        assert nobody.post(f"/v1/alerts/{alert_id}/acknowledge").status_code == 401
    for unknown in ("7", str(2**63)):
        assert _act(server, unknown, "acknowledge").status_code == 404
    elsewhere = server.command("keys", "create", "--role", "nurse", "--units", f"U{unique()}").stdout.strip()
    with server.client(key=elsewhere) as stranger:
        until(lambda: stranger.get("/v1/alerts").status_code == 200)
        for answer in (stranger.post(f"/v1/alerts/{alert_id}/acknowledge"), stranger.get(f"/v1/alerts/{alert_id}")):
            assert answer.status_code == 404, "another unit's looks like none"
    for action, said, field in (
        ("snooze", {"reason": "", "minutes": 5}, "body.reason"),
        ("snooze", {"reason": "CT", "minutes": 481}, "body.minutes"),
        ("snooze", {"reason": "CT"}, "body.minutes"),
        ("acknowledge", {"note": "x" * 501}, "body.note"),
        ("acknowledge", {"note": "a\x07"}, "body.note"),
        ("escalate", {"to": "device"}, "body.to"),
        ("escalate", {"to": "physician", "patient": "x"}, "body.patient"),
    ):
        answer = _act(server, alert_id, action, **said)
        assert answer.status_code == 422, (action, said)
        assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert bed.kinds(alert) == ["opened"], "nothing of that reached the alert"


def test_an_alert_goes_along_to_the_unit_its_patient_is_moved_to_and_its_nurses_answer(bed: Bed) -> None:
    server, alert, ward = bed.server, bed.opened(), f"W{unique()}"
    bed.send(adt("A02", bed.patient, f"{ward}/9"))
    bed.measure(ILL)
    left, there = (
        server.command("keys", "create", "--role", "nurse", "--units", unit).stdout.strip() for unit in (bed.unit, ward)
    )
    with server.client(key=left) as former, server.client(key=there) as nurse:
        listed = until(lambda: nurse.get("/v1/alerts", params={"state": "active"}).json().get("items"))
        assert (alert["alert_id"], ward, "9") in [(one["alert_id"], one["unit"], one["bed"]) for one in listed]
        path = f"/v1/alerts/{alert['alert_id']}"
        assert (former.get(path).status_code, former.post(f"{path}/acknowledge").status_code) == (404, 404)
        assert former.get("/v1/alerts").json()["items"] == []
        assert nurse.post(f"{path}/acknowledge").status_code == 200
        until(lambda: nurse.get(path).json()["state"] == "acknowledged")
        assert [step["kind"] for step in nurse.get(path).json()["history"]] == ["opened", "moved", "acknowledged"]


def test_who_may_see_a_patient_is_told_also_the_alerts_that_ended_in_units_he_lay_in_before(bed: Bed) -> None:
    server, alert, ward = bed.server, bed.opened(), f"W{unique()}"
    until(lambda: bed.recovered())
    bed.send(adt("A02", bed.patient, f"{ward}/9"))
    left, there = (
        server.command("keys", "create", "--role", "physician", "--units", unit).stdout.strip()
        for unit in (bed.unit, ward)
    )
    with server.client(key=left) as former, server.client(key=there) as physician:
        (patient,) = until(lambda: physician.get("/v1/patients").json().get("items"))
        wanted = {"patient": patient["patient_id"]}
        items = physician.get("/v1/alerts", params=wanted).raise_for_status().json()["items"]
        (told,) = [one for one in items if one["alert_id"] == alert["alert_id"]]
        assert (told["state"], told["unit"], told["history"][-1]["kind"]) == ("cleared", bed.unit, "cleared")
        same = physician.get(f"/v1/patients/{patient['patient_id']}/alerts").raise_for_status().json()["items"]
        assert {one["alert_id"] for one in same} == {one["alert_id"] for one in items}, "both doors tell the same"
        of_units = physician.get("/v1/alerts").raise_for_status().json()["items"]
        assert alert["alert_id"] not in {one["alert_id"] for one in of_units}, "its unit is the one it ended in"
        assert former.get("/v1/alerts", params=wanted).status_code == 404
        assert former.get(f"/v1/patients/{patient['patient_id']}/alerts").status_code == 404


def _policy(folder: Path) -> str:
    path = folder / "policy.toml"
    path.write_text(POLICY)
    return str(path)


def test_an_escalation_goes_on_at_its_time_and_once_after_a_kill(new_server: Start, tmp_path: Path) -> None:
    """kill -9 between the steps of a chain: the second step comes when it is due, the first is not told again."""
    (folder := tmp_path / "data").mkdir()
    policy = _policy(tmp_path)
    server = new_server(folder, POLICY_FILE=policy)
    alert = Bed.opened(ward := Bed(server))
    until(lambda: "escalated" in ward.kinds(alert))
    server.stop(signal.SIGKILL)
    ward.server = new_server(folder, POLICY_FILE=policy)
    until(lambda: ward.kinds(alert).count("escalated") == 2)
    opened, first, second = ward.steps(alert)
    assert [(step["to"], step["level"]) for step in (first, second)] == [("charge_nurse", 1), ("physician", 2)]
    waited = [datetime.fromisoformat(step["at"]) - datetime.fromisoformat(opened["at"]) for step in (first, second)]
    assert waited[0] >= timedelta(seconds=3)
    assert waited[1] >= timedelta(seconds=9), "not before its time"
    with ward.server.client("nurse") as nurse:
        assert nurse.post(f"/v1/alerts/{alert['alert_id']}/acknowledge").status_code == 200
    until(lambda: ward.kinds(alert) == ["opened", "escalated", "escalated", "acknowledged"])
