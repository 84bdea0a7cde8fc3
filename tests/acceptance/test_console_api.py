"""What the console's pages ask of a real server: who may sign in, and who sees patients, operations and policy."""

import time
from typing import Any

import pytest
from messages import WELL, admission, unique, vitals
from running_server import RunningServer
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}


def test_a_person_signs_in_with_an_own_key_and_acts_under_it(server: RunningServer) -> None:
    with server.client(None) as browser:
        assert browser.post("/v1/console/session", json={"token": server.keys["nurse"]}).status_code == 204
        told = browser.get("/v1/console/session").json()
        assert (told["id"], told["role"]) == (server.key_id("nurse"), "nurse")
        assert told["idle_lock_s"] == 900
    with server.client(None) as machine:
        for role in ("device", "ehr"):
            assert machine.post("/v1/console/session", json={"token": server.keys[role]}).status_code == 401
        guessed = f"nl_{server.key_id('nurse')}_{'a' * 52}"
        assert machine.post("/v1/console/session", json={"token": guessed}).status_code == 401
    assert server.keys["nurse"] not in (server.data_dir / "sessions.json").read_text()


@pytest.mark.parametrize(
    ("role", "board", "operations", "policy"),
    [
        ("nurse", 200, 403, 200),
        ("charge_nurse", 200, 403, 200),
        ("data_scientist", 200, 403, 200),
        ("sre", 403, 200, 200),
        ("admin", 200, 200, 200),
        ("device", 403, 403, 403),
    ],
)
def test_the_server_decides_by_role_what_a_page_gets(
    server: RunningServer, role: str, board: int, operations: int, policy: int
) -> None:
    with server.client(role) as caller:
        assert caller.get("/v1/patients").status_code == board
        assert caller.get("/v1/operations").status_code == operations
        assert caller.get("/v1/policy").status_code == policy
        assert caller.get("/v1/models").status_code == policy


def test_the_history_of_a_patient_shows_what_was_stored(server: RunningServer) -> None:
    number, unit = f"P{unique()}", f"U{unique()}"
    with server.client("ehr") as ehr:
        for message in (
            admission(number, unit, "1"),
            vitals(number, WELL, ago_s=3_000),
            vitals(number, WELL, ago_s=60),
        ):
            assert ehr.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200
    with server.client("nurse") as nurse:
        patient = until(lambda: nurse.get("/v1/patients", params={"unit": unit}).json()["items"])[0]["patient_id"]

        def hearts() -> Any:
            asked = {"signals": "HR,Temp", "points": 48}
            told = nurse.get(f"/v1/patients/{patient}/history", params=asked).json()
            lasts = {course["signal"]: [one for one in course["last"] if one is not None] for course in told["signals"]}
            return (told, lasts) if len(lasts.get("HR", [])) == 2 else None

        answer, lasts = until(hearts)
        assert lasts == {"HR": [72, 72], "Temp": [36.8, 36.8]}
        assert answer["scores"][0]["model"]
        assert nurse.get(f"/v1/patients/{patient}").json()["identity"]["identifier"] == number
    with server.client("data_scientist") as scientist:
        answer = scientist.get(f"/v1/patients/{patient}")
        assert answer.json()["identity"] is None
        assert number not in answer.text


def test_operations_and_policy_tell_the_server_and_no_patient(server: RunningServer) -> None:
    with server.client("sre") as sre:
        told = sre.get("/v1/operations").json()
        policy = sre.get("/v1/policy").json()
    assert [stage["stage"] for stage in told["stages"]][:2] == ["receive", "journal"]
    assert {"hl7_http", "json_http"} <= {feed["name"] for feed in told["feeds"]}
    assert told["figures"]["lag"]["head_age_ms"] >= 0
    assert policy["source"] == "default"
    assert {"news2-high", "sepsis-high"} <= {rule["name"] for rule in policy["content"]["rule"]}


def test_operations_tell_each_sender_behind_a_door(server: RunningServer) -> None:
    laboratory = server.command("keys", "create", "--role", "ehr").stdout.strip()
    began_ms, message = time.time() * 1_000, admission(f"P{unique()}", f"U{unique()}", "1")
    with server.client("ehr") as ehr, server.client(key=laboratory) as other, server.client("sre") as sre:
        assert ehr.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200
        until(lambda: other.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200)

        def senders() -> dict[str, dict[str, Any]]:
            told = sre.get("/v1/operations").raise_for_status().json()["senders"]
            found = {one["key"]: one for one in told if one["source"] == "hl7_http"}
            wanted = (server.key_id("ehr"), laboratory.split("_")[1])
            heard = all(found.get(key, {}).get("last_at_ms", 0) >= began_ms for key in wanted)
            return {key: found[key] for key in wanted} if heard else {}

        found = until(senders)
    assert not any(one["silent"] for one in found.values())
    assert all(one["last_at_ms"] <= time.time() * 1_000 for one in found.values())
