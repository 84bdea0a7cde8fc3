"""A notification channel that fails is told like any other trouble, and so is its end: a real webhook and server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from messages import ILL, admission, unique, vitals
from running_server import RunningServer
from sinks import SmtpSink, WebhookSink, text_of
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
POLICY = '[[rule]]\nname = "news2-high"\nscore = "news2"\nlabel = "NEWS2"\nseverity = "high"\nenter = 7\nclear = 4\n'
ROUTES = [
    {"channels": ["pager"], "kinds": ["opened"]},
    {"channels": ["ward-mail"], "severities": ["technical"], "kinds": ["opened", "cleared"]},
]
FAST = {
    "NOTIFY__BACKOFF_S_MIN": "0.1",
    "NOTIFY__BACKOFF_S_MAX": "0.3",
    "NOTIFY__ATTEMPT_S_MAX": "2",
    "NOTIFY__DEAD_FAILURES": "3",
}


def _falls_ill(server: RunningServer, unit: str, bed: str) -> None:
    patient = f"MRN{unique()}"
    with server.client("ehr") as ehr:
        for message in (admission(patient, unit, bed), vitals(patient, ILL)):
            ehr.post("/v1/hl7v2", content=message, headers=HL7).raise_for_status()


def _about_channels(server: RunningServer, state: str) -> list[dict[str, Any]]:
    """Alerts about channels, as a person with a nurse's key reads them."""
    with server.client("nurse") as nurse:
        items = nurse.get("/v1/alerts", params={"state": state}).raise_for_status().json()["items"]
    return [one for one in items if one["rule"] == "channel-dead"]


def test_a_dead_channel_opens_a_technical_alert_told_by_another_channel_until_it_delivers_again(
    new_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    unit, folder = f"U{unique()}", tmp_path
    with SmtpSink() as mail, WebhookSink() as pager:
        for name, url in (("ward-mail", mail.url()), ("pager", pager.url())):
            (folder / f"{name}.url").write_text(url)
        (folder / "policy.toml").write_text(POLICY)
        channels = [
            {"name": name, "url_file": str(folder / f"{name}.url"), "rate_per_minute_max": 600}
            for name in ("ward-mail", "pager")
        ]
        named = {"NOTIFY__CHANNELS": json.dumps(channels), "NOTIFY__ROUTES": json.dumps(ROUTES)}
        server = new_server(POLICY_FILE=str(folder / "policy.toml"), **named, **FAST)
        for turn, (mode, error) in enumerate(
            [("refuse", "http_503"), ("hang", "timeout"), ("closed", "connection")], 1
        ):
            if mode == "closed":
                pager.close()
            else:
                pager.mode = mode
            _falls_ill(server, unit, str(turn))
            (alert,) = until(lambda: _about_channels(server, "active"))
            assert (alert["severity"], alert["subject"], alert["state"]) == ("technical", "pager", "open")
            assert (alert["unit"], alert["bed"], alert["patient_id"], alert["value"]) == (None, None, None, None)
            assert alert["reason"].startswith("channel pager: "), "a board shows the sentence alone"
            assert error in alert["reason"], "the reason names what failed, in a class of errors"
            assert alert["alert_id"] not in [one["alert_id"] for one in _about_channels(server, "cleared")]
            assert "channel-dead opened" in text_of(mail.wait_for(2 * turn - 1)[-1])
            assert len(pager.taken) == turn - 1
            _lives_again(pager, mode)
            pager.wait_for(turn)
            until(lambda turn=turn: len(_about_channels(server, "cleared")) == turn)
            assert _about_channels(server, "active") == []
            assert "channel-dead cleared" in text_of(mail.wait_for(2 * turn)[-1])
            for secret in ("hunter2", str(pager.port)):
                assert secret not in json.dumps(alert), "an alert names the channel, never its address"
        pager.mode = "refuse"
        _falls_ill(server, unit, "4")
        until(lambda: _about_channels(server, "active"))
        server.stop()
        silent = new_server(server.data_dir, POLICY_FILE=str(folder / "policy.toml"))
        until(lambda: len(_about_channels(silent, "cleared")) == 4)
        assert _about_channels(silent, "active") == [], "no notifications, no dead channel"


def _lives_again(pager: WebhookSink, mode: str) -> None:
    pager.mode = "take"
    if mode == "closed":
        pager.open()
