"""The audit log of a real server: one line for each thing a person did, with the key and the role and nobody's name."""

import json
import time
from typing import Any

from messages import unique
from running_server import RunningServer, labelled_metrics
from waiting import until

SESSION = "/v1/console/session"
REFUSED = 'nightlamp_receive_sign_ins_refused_total{kind="%s"}'


def audit(server: RunningServer, event: str, **told: Any) -> list[dict[str, Any]]:
    """The lines of this event that say all of this."""
    whole = server.log.rpartition("\n")[0]
    lines = [json.loads(line) for line in whole.splitlines() if '"nightlamp.audit"' in line]
    return [line for line in lines if line["event"] == event and told.items() <= line.items()]


def test_a_token_a_sign_in_and_a_sign_out_are_in_the_audit_log_and_no_secret_is(server: RunningServer) -> None:
    admin_id, unit = server.key_id("admin"), f"U{unique()}"
    with server.client("admin") as admin:
        wanted = {"role": "physician", "units": [unit]}
        token = admin.post("/v1/console/tokens", json=wanted).json()["token"]
    (issued,) = until(lambda: audit(server, "one-time token issued", for_units=[unit]))
    assert (issued["principal"], issued["role"], issued["for_role"]) == (admin_id, "admin", "physician")
    with server.client(None) as browser:
        assert browser.post(SESSION, json={"token": token}).status_code == 204
        cookie = browser.cookies["nightlamp_session"]
        (signed_in,) = until(lambda: audit(server, "signed in", units=[unit]))
        assert (signed_in["principal"], signed_in["role"], signed_in["way"]) == (admin_id, "physician", "token")
        before = len(audit(server, "signed out", principal=admin_id, role="physician"))
        assert browser.delete(SESSION).status_code == 204
        until(lambda: len(audit(server, "signed out", principal=admin_id, role="physician")) > before)
    with server.client(None) as browser:
        assert browser.post(SESSION, json={"token": server.keys["nurse"]}).status_code == 204
    until(lambda: audit(server, "signed in", principal=server.key_id("nurse"), way="key"))
    assert not [secret for secret in (token, cookie, server.keys["nurse"]) if secret in server.log]


def test_a_refused_sign_in_is_told_and_every_one_is_counted(server: RunningServer) -> None:
    with server.client("sre") as sre, server.client(None) as stranger:

        def counted(kind: str) -> float:
            return labelled_metrics(sre)[REFUSED % kind]

        unknown, no_person = counted("unknown"), counted("no_person")
        before, guess = len(audit(server, "sign-in refused")), f"nl_guess{unique()}"
        for token in (guess, guess, guess, server.keys["device"]):
            assert stranger.post(SESSION, json={"token": token}).status_code == 401
        assert counted("unknown") >= unknown + 3
        assert counted("no_person") >= no_person + 1

        def told() -> int:
            """Of guesses within a second only the first has a line, so one more if need be."""
            stranger.post(SESSION, json={"token": guess})
            return len(audit(server, "sign-in refused")) - before

        until(told)
    assert guess not in server.log


def test_who_read_a_dead_letters_bytes_and_who_sent_it_again_is_in_the_audit_log(server: RunningServer) -> None:
    unit = f"U{unique()}"
    body = {
        "message_id": f"m{unique()}",
        "device": "monitor-1",
        "bed": {"unit": unit, "bed": "7"},
        "time": int(time.time() * 1000),
        "observations": [{"code": "8867-4", "value": 81, "unit": "/min"}],
    }
    with server.client("device") as device, server.client("admin") as admin:
        seq = device.post("/v1/observations", json=body).json()["seq"]
        until(lambda: admin.get(f"/v1/dead-letters/{seq}").status_code == 200)
        assert not audit(server, "dead letter read", seq=seq), "reasons alone name nobody"
        shown = admin.get(f"/v1/dead-letters/{seq}", params={"raw": True}).json()["payload_base64"]
        again = admin.post(f"/v1/dead-letters/{seq}/replay").json()["seq"]
    (read,) = until(lambda: audit(server, "dead letter read", seq=seq))
    (replayed,) = until(lambda: audit(server, "dead letter replayed", seq=seq))
    assert {one["principal"] for one in (read, replayed)} == {server.key_id("admin")}
    assert {one["role"] for one in (read, replayed)} == {"admin"}
    assert replayed["replayed_as"] == again
    assert shown not in server.log
