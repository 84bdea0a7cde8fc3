"""The alert policy of a real server: checked, loaded without a restart, kept through a kill, told to the auditor."""

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from messages import ILL, admission, unique, vitals
from running_server import RunningServer
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
Start = Callable[..., RunningServer]
RULE = '[[rule]]\nname = "{name}"\nscore = "news2"\nseverity = "{severity}"\nenter = {enter}\nclear = {clear}\n'
#: NEWS2 never reaches 20 with what is measured here.
NEVER = RULE.format(name="never", severity="low", enter=20, clear=19)
HIGH = RULE.format(name="high", severity="high", enter=7, clear=4)


class Ward:
    """One patient who is ill, and what the server says of the policy."""

    def __init__(self, server: RunningServer) -> None:
        self.server, self.patient, self.unit = server, f"P{unique()}", f"U{unique()}"
        self._send(admission(self.patient, self.unit, "1"))

    def _send(self, message: str) -> None:
        with self.server.client("ehr") as ehr:
            assert ehr.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200

    def measure(self) -> None:
        self._send(vitals(self.patient, ILL))

    def get(self, path: str, **query: Any) -> Any:
        with self.server.client("admin") as admin:
            answer = admin.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def alerts(self, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/v1/alerts", unit=self.unit, **query)["items"]
        return found

    def pseudonym(self) -> str:
        (one,) = self.get("/v1/patients", unit=self.unit)["items"]
        return str(one["patient_id"])

    def open_then(self, at: datetime) -> list[str]:
        """Rules of the alerts that were open at a past time."""
        past = self.get(f"/v1/patients/{self.pseudonym()}/as-of", at=at.isoformat())
        return [alert["rule"] for alert in past["alerts"]]

    def load(self, text: str, *, role: str = "admin", **headers: str) -> httpx.Response:
        with self.server.client(role) as client:
            return client.put("/v1/policy", json={"text": text, "note": "for a test"}, headers=headers)


def _file(folder: Path, text: str) -> str:
    path = folder / "policy.toml"
    path.write_text(text)
    return str(path)


def test_a_loaded_policy_changes_what_opens_at_once_and_stays_through_a_kill_and_a_restart(
    new_server: Start, tmp_path: Path
) -> None:
    (folder := tmp_path / "data").mkdir()
    ward = Ward(new_server(folder, POLICY_FILE=_file(tmp_path, NEVER)))
    first = until(lambda: found if (found := ward.get("/v1/policy"))["by"] else None)
    assert (first["source"], first["by"], first["text"], first["notes"]) == ("file", "file", NEVER, [])
    ward.measure()
    until(lambda: ward.get(f"/v1/patients/{ward.pseudonym()}/scores")["items"] or None)
    assert ward.alerts() == [], "20 is not reached"
    quiet = datetime.now(UTC)

    answer = ward.load(HIGH, **{"If-Match": f'"{first["sha256"]}"'})
    assert answer.status_code == 200, answer.text
    loaded = answer.json()
    assert loaded["seq"] > first["seq"]
    (alert,) = until(lambda: ward.measure() or ward.alerts(state="active"))
    assert alert["rule"] == "high"
    now = ward.get("/v1/policy")
    assert (now["source"], now["by"], now["note"]) == ("api", ward.server.key_id("admin"), "for a test")
    assert (now["seq"], now["sha256"], now["text"]) == (loaded["seq"], loaded["sha256"], HIGH)
    ill = datetime.now(UTC)

    ward.server.stop(signal.SIGKILL)
    ward.server = new_server(folder, POLICY_FILE=str(tmp_path / "policy.toml"))
    after = until(lambda: found if (found := ward.get("/v1/policy"))["by"] != "file" else None)
    assert (after["seq"], after["text"], after["at"]) == (now["seq"], HIGH, now["at"]), "the file is the one of before"
    assert [one["rule"] for one in ward.alerts(state="active")] == ["high"]

    (tmp_path / "third.toml").write_text(RULE.format(name="third", severity="low", enter=6, clear=2))
    said = ward.server.command(
        "policy", "load", str(tmp_path / "third.toml"), "--note", "by hand", "--key", ward.server.keys["admin"],
        "--url", ward.server.url,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    cleared = until(lambda: [one for one in ward.alerts(state="cleared") if one["rule"] == "high"] or None)
    assert cleared[0]["history"][-1]["reason"] == "the policy no longer has this rule"
    assert (ward.open_then(quiet), ward.open_then(ill)) == ([], ["high"]), "as it was under the policy of then"

    ward.server.stop()
    ward.server = new_server(folder, POLICY_FILE=_file(tmp_path, NEVER + "# another text\n"))
    until(lambda: ward.get("/v1/policy")["source"] == "file" or None)
    history = until(lambda: found if len(found := ward.get("/v1/policy/history")["items"]) == 4 else None)
    admin = ward.server.key_id("admin")
    assert [(one["by"], one["note"]) for one in history] == [
        ("file", ""), (admin, "by hand"), (admin, "for a test"), ("file", ""),
    ]  # fmt: skip
    assert [one["text"] for one in history][2:] == [HIGH, NEVER]
    assert (history[2]["seq"], history[2]["sha256"], history[2]["at"]) == (now["seq"], now["sha256"], now["at"])
    assert all(one["refused"] == "" for one in history)
    page = ward.get("/v1/policy/history", limit=3, texts=False)
    assert [one["text"] for one in page["items"]] == [None] * 3
    (last,) = ward.get("/v1/policy/history", limit=3, cursor=page["next_cursor"])["items"]
    assert last["seq"] == first["seq"]


def test_who_may_change_the_policy_and_what_is_wrong_is_said_with_its_line(server: RunningServer) -> None:
    ward = Ward(server)
    before = until(lambda: found if (found := ward.get("/v1/policy"))["seq"] else None)
    for role in ("nurse", "charge_nurse", "data_scientist", "sre", "ehr"):
        assert ward.load(HIGH, role=role).status_code == 403
    wrong = HIGH + RULE.format(name="low", severity="low", enter=3, clear=5)
    answer = ward.load(wrong)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["line"], problem["shown"]) == ("policy_refused", 12, "clear = 5")
    assert "must be less than enter" in problem["detail"]
    with server.client("admin") as admin:
        stale = admin.put("/v1/policy", json={"text": HIGH}, headers={"If-Match": '"00"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "policy_changed")
        for body, field in (({"note": "x"}, "body.text"), ({"text": HIGH, "note": "x" * 501}, "body.note")):
            found = admin.put("/v1/policy", json=body)
            assert (found.status_code, [one["field"] for one in found.json()["errors"]]) == (422, [field])
        assert admin.put("/v1/policy", content=b" " * (3 << 20)).status_code == 413
        assert admin.post("/v1/policy/check", json={"text": HIGH}).json()["notes"] == []
        assert admin.post("/v1/policy/check", json={"text": wrong}).json()["line"] == 12
        assert admin.get("/v1/policy").headers["etag"] == f'"{before["sha256"]}"'
    assert ward.get("/v1/policy") == before, "none of that changed anything"


@pytest.mark.parametrize("texts", [(HIGH, NEVER)])
def test_of_two_changes_that_replace_the_same_policy_one_is_refused(
    new_server: Start, tmp_path: Path, texts: tuple[str, str]
) -> None:
    (folder := tmp_path / "data").mkdir()
    ward = Ward(new_server(folder))
    before = until(lambda: found if (found := ward.get("/v1/policy"))["seq"] else None)
    answers = [ward.load(text, **{"If-Match": before["sha256"]}) for text in texts]
    assert [answer.status_code for answer in answers] == [200, 412]
    found = until(lambda: found if (found := ward.get("/v1/policy"))["seq"] != before["seq"] else None)
    assert found["text"] == texts[0]
