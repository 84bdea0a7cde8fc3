"""A trouble of the server is seen and answered by those who are called for it, and shows them no patient."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from messages import ILL, admission, unique, vitals
from running_server import RunningServer
from sinks import WebhookSink
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
POLICY = '[[rule]]\nname = "news2-high"\nscore = "news2"\nseverity = "high"\nenter = 7\nclear = 4\n'
POLICY += '[[escalation]]\nseverity = "medium"\nsteps = [{ after_s = 600, to = "physician" }]\n'
NOWHERE = "nowhere"


def _items(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/alerts", params=query).raise_for_status().json()["items"]
    return found


def _ids(client: httpx.Client, **query: str) -> set[str]:
    return {one["alert_id"] for one in _items(client, **query)}


@contextmanager
def _bound(server: RunningServer, role: str, unit: str) -> Iterator[httpx.Client]:
    key = server.command("keys", "create", "--role", role, "--units", unit).stdout.strip()
    with server.client(key=key) as client:
        until(lambda: client.get("/v1/alerts").status_code == 200)
        yield client


def test_a_dead_channel_is_answered_by_who_operates_and_by_a_charge_nurse_of_one_unit_and_no_patient_is_shown(
    new_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    unit = f"U{unique()}"
    with WebhookSink() as pager:
        pager.mode = "refuse"
        (tmp_path / "pager.url").write_text(pager.url())
        (tmp_path / "policy.toml").write_text(POLICY)
        channels = [{"name": "pager", "url_file": str(tmp_path / "pager.url"), "rate_per_minute_max": 600}]
        server = new_server(
            POLICY_FILE=str(tmp_path / "policy.toml"),
            NOTIFY__CHANNELS=json.dumps(channels),
            NOTIFY__ROUTES=json.dumps([{"channels": ["pager"]}]),
            NOTIFY__BACKOFF_S_MIN="0.1",
            NOTIFY__BACKOFF_S_MAX="0.3",
            NOTIFY__DEAD_FAILURES="1",
        )
        # One in a bed of the unit, one whose messages name no place.
        with server.client("ehr") as ehr:
            for place in (unit, ""):
                patient = f"P{unique()}"
                for message in (admission(patient, place, "1" if place else ""), vitals(patient, ILL)):
                    ehr.post("/v1/hl7v2", content=message, headers=HL7).raise_for_status()
        with (
            server.client("admin") as admin,
            server.client("sre") as sre,
            _bound(server, "charge_nurse", unit) as nurse,
        ):
            everything = until(lambda: found if len(found := _items(admin, state="active")) == 3 else None)
            (dead,) = (one["alert_id"] for one in everything if one["rule"] == "channel-dead")
            ill = {one["unit"] or NOWHERE: one for one in everything if one["rule"] == "news2-high"}
            assert ill.keys() == {unit, NOWHERE}
            # Who operates: that one alone, in every way of asking.
            assert _ids(sre) == _ids(sre, patient="none") == _ids(sre, state="active", history="false") == {dead}
            assert all(one["patient_id"] is None for one in _items(sre))
            for one in ill.values():
                assert sre.get("/v1/alerts", params={"patient": one["patient_id"]}).status_code == 403
                assert sre.get(f"/v1/alerts/{one['alert_id']}").status_code == 404
                assert sre.post(f"/v1/alerts/{one['alert_id']}/acknowledge").status_code == 404
            assert sre.get(f"/v1/alerts/{dead}").json()["alert_id"] == dead
            # A charge nurse of one unit: the house's trouble and her own unit, nobody who is elsewhere.
            assert _ids(nurse) == {dead, ill[unit]["alert_id"]}
            lost = ill[NOWHERE]["alert_id"]
            assert nurse.get(f"/v1/alerts/{lost}").status_code == 404
            assert nurse.post(f"/v1/alerts/{lost}/acknowledge").status_code == 404
            assert nurse.post(f"/v1/alerts/{dead}/snooze", json={"reason": "told", "minutes": 5}).status_code == 200
            until(lambda: _items(sre)[0]["state"] == "snoozed")
            assert sre.post(f"/v1/alerts/{dead}/acknowledge", json={"note": "on it"}).status_code == 200
            said = until(lambda: found if (found := _items(sre)[0])["state"] == "acknowledged" else None)
            assert (said["role"], said["by"], said["note"]) == ("sre", server.key_id("sre"), ""), (
                "words are for readers"
            )
            with server.client("data_scientist") as reader:
                assert reader.post(f"/v1/alerts/{dead}/acknowledge").status_code == 403
            pager.mode = "take"
            until(lambda: _ids(sre, state="cleared") == {dead})
            assert _ids(nurse, state="cleared") == {dead}
            # Whom a chain calls and no route reaches is told to who operates, and in the log.
            told = until(lambda: sre.get("/v1/notifications/channels").json()["unreached"])
            assert told == ["no route takes the call of physician for medium alerts"]
            assert told[0] in server.log
            assert sre.post(f"/v1/alerts/{dead}/acknowledge").status_code == 409
