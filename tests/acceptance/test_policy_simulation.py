"""A policy on a real server's journal, before it wakes anybody: what the one in force opened, what another would."""

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest
from messages import ILL, WELL, admission, adt, unique, vitals
from running_server import RunningServer
from waiting import until

from nightlamp.policy.checking import default_text

HL7 = {"Content-Type": "application/hl7-v2"}
Start = Callable[..., RunningServer]
RULES = {"news2-high", "news2-medium", "qsofa", "sepsis-high"}
#: Opens at the first sight of a NEWS2 of 5, in the ward only: earlier than the policy in force, and never in the ICU.
CANDIDATE = """[[rule]]
name = "early"
cause = "news2"
score = "news2"
severity = "medium"
enter = 5
clear = 1
units = ["WARD"]
"""


def simulate(client: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    """Asks for one and waits for its end; what the API says of it."""
    begun = client.post("/v1/policy/simulate", json=body)
    assert begun.status_code == 202, begun.text

    def ended() -> dict[str, Any] | None:
        state: dict[str, Any] = client.get("/v1/policy/simulation").json()
        return state["last"] if state["running"] is None else None

    last = until(ended)
    assert last["id"] == begun.json()["id"]
    return last


def deterioration(server: RunningServer) -> None:
    """Ten people in a ward: ill and well by turns; some are moved to the ICU, some leave, one bed is swapped."""
    control = count()

    def post(message: str) -> None:
        assert ehr.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200

    with server.client("ehr") as ehr:
        people = [f"P{unique()}" for _ in range(10)]
        for bed, patient in enumerate(people, 1):
            post(admission(patient, "WARD", str(bed)))
        for turn in range(6):
            for number, patient in enumerate(people):
                ill = (turn + number) % 3 == 1 and number != 4
                post(vitals(patient, ILL if ill else WELL, control_id=f"{patient}-{next(control)}"))
            if turn == 3:
                time.sleep(1.1)  # ADT is told by the second: what happens next is after the alerts
                post(adt("A02", people[0], "ICU/1"))
                post(adt("A02", people[1], "ICU/2"))
                post(adt("A12", people[1], "WARD/2"))
                post(adt("A03", people[7], "WARD/8"))
                post(adt("A02", people[9], "WARD/3"))
                post(adt("A13", people[7], "WARD/8"))
    settled(server)


def settled(server: RunningServer) -> None:
    """Waits until all that is in the journal now is in the database."""
    durable = server.metrics()["nightlamp_journal_durable_seq"]
    until(lambda: server.metrics()["nightlamp_store_cursor_seq"] >= durable)


def test_the_policy_in_force_opens_what_the_route_opened_with_and_without_the_server(new_server: Start) -> None:
    outcome = {"FIGURES__OUTCOME_UNITS": '["ICU"]', "FIGURES__OUTCOME_H": "1"}
    server = new_server(**outcome)
    began = datetime.now(UTC)
    deterioration(server)
    with server.client("admin") as admin, server.client("nurse") as nurse:
        now = datetime.now(UTC)
        last = simulate(admin, {"text": CANDIDATE, "from": began.isoformat(), "to": now.isoformat()})
        assert last["error"] is None
        found = last["result"]
        span = {"from": began.isoformat(), "to": now.isoformat()}
        told = admin.get("/v1/figures/alerts", params=span).json()
        page = nurse.get("/v1/alerts", params=span | {"limit": 500}).json()
        opened = [one for one in page["items"] if one["severity"] != "technical"]
        openings = [step["rule"] for one in opened for step in one["history"] if step["kind"] == "opened"]
    mine = found["current"]["figures"]
    assert mine["all"]["alerts"] == told["all"]["alerts"] == len(opened) >= 10
    by_rule = {one["name"]: one["alerts"] for one in mine["rules"] if one["name"] in RULES}
    assert by_rule == Counter(openings)
    by_severity = {one["name"]: one["alerts"] for one in mine["severities"]}
    assert by_severity == {name: n for name, n in told["all"]["by_severity"].items() if n}
    units = {one["name"]: one for one in mine["units"]}
    for theirs in told["items"]:
        unit = units[theirs["unit"]]
        assert unit["patient_days"] == pytest.approx(theirs["patient_days"], abs=2 / 86_400)
        assert unit["right"] == theirs["ppv"]["followed"]
        assert unit["judged"] == theirs["ppv"]["judged"]
    assert mine["all"]["judged"] == 0, "an hour for a move to the ICU is over for nobody"
    difference = found["difference"]["all"]
    other = found["candidate"]["figures"]
    assert difference["both"] + difference["only_candidate"] == other["all"]["alerts"] > 0
    assert {one["name"] for one in other["rules"]} == {"early"}
    assert found["outcome"]["what"].startswith("a move to ICU within 1 h")
    server.stop()
    file = server.data_dir / "candidate.toml"
    file.write_text(CANDIDATE)
    said = server.command(
        *("policy", "simulate", str(file), "--offline", "--json", str(server.data_dir / "found.json")),
        *("--from", began.isoformat(), "--to", now.isoformat()),
    )
    assert said.returncode == 0, said.stderr
    assert "only candidate" in said.stdout
    offline = json.loads((server.data_dir / "found.json").read_text())
    for part in ("current", "candidate", "difference", "outcome"):
        assert offline[part] == found[part], part
    # The result outlives the server, and the file names nobody.
    again = new_server(**outcome)
    with again.client("data_scientist") as scientist:
        assert scientist.get("/v1/policy/simulation").json() == {"running": None, "last": last}
    kept = (server.data_dir / "policy_simulation.json").read_text()
    assert not any(one["patient_id"] in kept for one in opened)


def test_who_may_simulate_and_what_cannot_be_simulated(server: RunningServer) -> None:
    body = {"text": CANDIDATE}
    for role in ("nurse", "charge_nurse", "sre", "device"):
        with server.client(role) as client:
            assert client.post("/v1/policy/simulate", json=body).status_code == 403, role
            assert client.get("/v1/policy/simulation").status_code == 403, role
    with server.client("data_scientist") as client:
        refused = client.post("/v1/policy/simulate", json={"text": CANDIDATE + "unknown = 1\n"})
        assert (refused.status_code, refused.json()["code"]) == (422, "policy_refused")
        assert "line 9" in refused.json()["detail"]
        told = client.post("/v1/policy/simulate", json=body | {"against": "# a\n\nunknown = 1\n"}).json()
        assert (told["code"], told["field"], told["line"]) == ("policy_refused", "body.against", 3)
        assert told["shown"] == "unknown = 1"
        assert told["detail"].startswith("body.against: line 3: ")
        backwards = {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
        assert client.post("/v1/policy/simulate", json=body | backwards).status_code == 422
        assert client.post("/v1/policy/simulate", json=body | {"until": "now"}).status_code == 422
        assert client.post("/v1/policy/simulate", json=body | {"text": "#" * (300 << 10)}).status_code == 422
        before = simulate(client, body | {"to": "2026-01-01T00:00:00Z"})
        assert before["result"] is None
        assert before["error"] == "nothing had been received yet"


@pytest.mark.parametrize("way", ["server", "offline"])
def test_the_command_names_the_file_and_the_line_of_the_policy_that_is_refused(
    server: RunningServer, tmp_path: Any, way: str
) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(CANDIDATE)
    bad.write_text("# one\nunknown = 1\n")
    how = ("--key", server.keys["admin"], "--url", server.url) if way == "server" else ("--offline",)
    for files in ((good, "--against", bad), (bad, "--against", good), (bad,)):
        said = server.command("policy", "simulate", *map(str, files), *how)
        told = "".join(said.stderr.split())  # lines are broken to the width of the terminal
        assert said.returncode == 1, said.stderr
        assert f"{bad},line2:" in told
        assert "2 | unknown = 1" in said.stderr
        assert str(good) not in told


def test_only_one_policy_is_simulated_at_a_time_and_the_cli_shows_the_servers_result(
    server: RunningServer, tmp_path: Any
) -> None:
    with server.client("ehr") as ehr:
        patient = f"P{unique()}"
        for message in (admission(patient, f"U{unique()}", "1"), vitals(patient, ILL)):
            assert ehr.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200
    with server.client("admin") as admin:
        codes = [admin.post("/v1/policy/simulate", json={"text": default_text()}) for _ in range(4)]
        assert codes[0].status_code == 202
        busy = [one for one in codes[1:] if one.status_code == 503]
        assert all(one.headers["Retry-After"] == "10" for one in busy)
        assert all(one.status_code in {202, 503} for one in codes)
        until(lambda: admin.get("/v1/policy/simulation").json()["running"] is None)
    file = tmp_path / "candidate.toml"
    file.write_text(CANDIDATE)
    key = ("--key", server.keys["admin"], "--url", server.url)
    said = server.command("policy", "simulate", str(file), "--json", str(tmp_path / "found.json"), *key)
    assert said.returncode == 0, said.stderr
    assert "current policy" in said.stdout
    assert json.loads((tmp_path / "found.json").read_text())["candidate"]["figures"]["rules"] is not None
