"""P9 from end to end: why an alert opened, in words, stored, published and on demand, by the model that scored."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from messages import ILL, WELL, admission, msh, stamp, unique
from running_server import RunningServer, start_server
from waiting import until
from websockets.sync.client import connect

HL7 = {"Content-Type": "application/hl7-v2"}
HOUR_S = 3_600
#: Every sepsis score opens an alert, so that the test does not hang on a trained threshold.
POLICY = """
[[rule]]
name = "news2-high"
score = "news2"
label = "NEWS2"
severity = "high"
enter = 7
clear = 4

[[rule]]
name = "sepsis-any"
score = "sepsis"
label = "Sepsis risk"
severity = "medium"
enter = 0.000001
clear = 0
"""
#: What got worse, by signal: the value now as it should be told.
WORSE = {
    "HR": "134 /min",
    "Resp": "28 /min",
    "O2Sat": "90 %",
    "SBP": "86 mmHg",
    "Temp": "39.4 °C",
    "Lactate": "4.2 mmol/L",
}


@dataclass
class Course:
    """A patient who was well six hours ago and is ill now, told in one message; and what the console heard."""

    patient: str
    unit: str
    path: str
    alerts: dict[str, dict[str, Any]]
    heard: list[dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("explained")
    (folder / "policy.toml").write_text(POLICY)
    running = start_server(folder, POLICY_FILE=str(folder / "policy.toml"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def course(server: RunningServer) -> Course:
    patient, unit = f"P{unique()}", f"U{unique()}"
    lactate = {"2524-7": ("1.1", "mmol/L")}, {"2524-7": ("4.2", "mmol/L")}
    url = server.url.replace("http", "ws") + "/v1/stream"
    headers = {"Authorization": f"Bearer {server.keys['nurse']}"}
    with (
        server.client("ehr") as ehr,
        server.client("nurse") as nurse,
        connect(url, additional_headers=headers, proxy=None) as stream,
    ):
        stream.send(json.dumps({"subscribe": {"units": [unit]}}))
        while not any(one["type"] == "ready" for one in json.loads(stream.recv(timeout=20))):
            pass
        for message in (
            admission(patient, unit, "1"),
            results(patient, [(6 * HOUR_S, WELL | lactate[0]), (20, ILL | lactate[1])]),
        ):
            assert ehr.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200
        (row,) = until(lambda: nurse.get("/v1/patients", params={"unit": unit}).json()["items"])
        path = f"/v1/patients/{row['patient_id']}"
        found = until(lambda: (items := nurse.get(f"{path}/alerts").json()["items"]) and len(items) == 2 and items)
        heard: list[dict[str, Any]] = []
        while sum(one["type"] == "alert" for one in heard) < 2 or heard[-1]["type"] != "patient":
            heard += [one for one in json.loads(stream.recv(timeout=20)) if one["type"] in {"alert", "patient"}]
    return Course(patient, unit, path, {one["model"]: one for one in found}, heard)


def results(patient: str, sets: list[tuple[float, dict[str, tuple[str, str]]]]) -> str:
    """ORU^R01 with several sets of values, each so many seconds old."""
    rows = [
        f"OBX||NM|{code}^^LN||{value}|{unit}|||||F|||{stamp(ago_s)}"
        for ago_s, values in sets
        for code, (value, unit) in values.items()
    ]
    return "\r".join([msh("ORU^R01", f"R{unique()}"), f"PID|1||{patient}^^^HOSP^MR", "OBR|1|||V", *rows, ""])


def test_an_alert_names_the_right_signals_in_words(course: Course) -> None:
    news2 = course.alerts["news2"]["explanation"]
    told = {one["about"]: one for one in news2}
    assert {"Resp", "SBP", "HR"} <= set(told), news2
    for about, one in told.items():
        assert WORSE[about] in one["words"], one
        assert one["share"] > 0
        assert one["direction"] == "raises"
    assert [one["share"] for one in news2] == sorted((one["share"] for one in news2), reverse=True)
    sepsis = course.alerts["sepsis"]["explanation"]
    assert len(sepsis) == 5
    for one in sepsis:
        assert one["direction"] == ("raises" if one["share"] > 0 else "lowers")
        if one["about"] in WORSE:
            assert WORSE[one["about"]] in one["words"], one
            assert " s old" in one["words"], one
        assert one["missing"] == (one["words"].startswith("no ") or one["words"].endswith("not known")), one
    assert any(one["about"] in WORSE and one["share"] > 0 for one in sepsis), sepsis


def test_what_is_stored_is_what_the_console_heard(course: Course) -> None:
    heard = {one["score"]: one for one in course.heard if one["type"] == "alert"}
    shown = {one["score"]: one for one in course.heard[-1]["alerts"]}
    for model, alert in course.alerts.items():
        assert heard[model]["explanation"] == alert["explanation"]
        assert shown[model]["explanation"] == alert["explanation"]


def test_the_explanation_on_demand_equals_the_stored_one_and_adds_up(server: RunningServer, course: Course) -> None:
    with server.client("nurse") as nurse:
        for model, alert in course.alerts.items():
            scores = nurse.get(f"{course.path}/scores", params={"model": model}).json()["items"]
            (score,) = (one for one in scores if one["scored_at"] == alert["opened_at"])
            answer = nurse.get(f"{course.path}/scores/{score['cursor']}/explanation")
            assert answer.status_code == 200, answer.text
            why = answer.json()
            assert why["reasons"] == alert["explanation"]
            assert (why["model"], why["model_sha256"], why["raw"]) == (model, score["model_sha256"], score["raw"])
            assert [(one["signal"], one["value"], one["age_s"]) for one in why["inputs"]] == [
                (one["signal"], one["value"], one["age_s"]) for one in score["inputs"]
            ]
            for one in why["inputs"]:
                assert one["words"].startswith("no ") == (one["value"] is None), one
            if model == "sepsis":
                whole = why["base"] + why["rest"] + sum(one["share"] for one in why["reasons"])
                assert math.isclose(whole, why["raw"], abs_tol=1e-9)
                assert "no creatinine measured" in {one["words"] for one in why["inputs"]}


def test_p6_no_explanation_names_anybody(course: Course) -> None:
    told = [one for alert in course.alerts.values() for one in alert["explanation"]]
    text = json.dumps([[one["about"], one["words"]] for one in told], ensure_ascii=False)
    for name in ("Nightingale", "Florence", course.patient, "1950"):
        assert name not in text


def test_who_may_not_see_the_patient_or_names_no_score_is_refused(server: RunningServer, course: Course) -> None:
    made = server.command("keys", "create", "--role", "nurse", "--units", "elsewhere", "--json")
    stranger = json.loads(made.stdout)["key"]
    with server.client("nurse") as nurse:
        cursor = nurse.get(f"{course.path}/scores").json()["items"][0]["cursor"]
        path = f"{course.path}/scores/{cursor}/explanation"

        def status(client: httpx.Client, path: str) -> int:
            return client.get(path).status_code

        assert status(nurse, path) == 200
        assert status(nurse, f"{course.path}/scores/1.1.1/explanation") == 404
        assert status(nurse, f"{course.path}/scores/nonsense/explanation") == 422
    with server.client(key=stranger) as outside, server.client("sre") as sre, server.client(None) as nobody:
        until(lambda: outside.get("/v1/patients").status_code == 200)
        assert [status(client, path) for client in (outside, sre, nobody)] == [404, 403, 401]


def test_a_model_that_is_no_longer_loaded_is_named_with_what_is_needed(server: RunningServer, course: Course) -> None:
    """The last test here: it stops the module's server."""
    server.stop()
    policy = POLICY.split("\n\n")[0]
    (server.data_dir / "policy.toml").write_text(policy)
    again = start_server(server.data_dir, MODELS__LOAD="[]", POLICY_FILE=str(server.data_dir / "policy.toml"))
    try:
        with again.client("nurse") as nurse:
            (score,) = nurse.get(f"{course.path}/scores", params={"model": "sepsis", "limit": 1}).json()["items"]
            answer = nurse.get(f"{course.path}/scores/{score['cursor']}/explanation")
            assert (answer.status_code, answer.json()["code"]) == (409, "model_not_loaded")
            assert score["model_sha256"] in answer.json()["detail"]
            assert f"sepsis {score['version']}" in answer.json()["detail"]
            rule = nurse.get(f"{course.path}/scores", params={"model": "news2", "limit": 1}).json()["items"][0]
            assert nurse.get(f"{course.path}/scores/{rule['cursor']}/explanation").status_code == 200
    finally:
        again.stop()
