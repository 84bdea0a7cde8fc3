"""Notifications of a whole server: an illness becomes an e-mail; a kill loses none; nobody's name leaves."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from messages import ILL, admission, unique, vitals
from running_server import RunningServer, labelled_metrics
from sinks import SmtpSink, WebhookSink, text_of
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
FAMILY, SECRET = "Quacksilber", "s3cr3t"
POLICY = '[[rule]]\nname = "news2-high"\nscore = "news2"\nlabel = "NEWS2"\nseverity = "high"\nenter = 7\nclear = 4\n'
Start = Callable[..., RunningServer]


@pytest.fixture
def sinks() -> Iterator[tuple[SmtpSink, WebhookSink]]:
    with SmtpSink() as smtp, WebhookSink() as webhook:
        yield smtp, webhook


def _settings(folder: Path, smtp: SmtpSink, webhook: WebhookSink, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """E-mail named by the environment, a webhook by a file; the ward is told of all, the pager of what opens."""
    monkeypatch.setenv("WARD_MAIL_URL", smtp.url(SECRET))
    (folder / "pager.url").write_text(webhook.url(SECRET))
    (folder / "policy.toml").write_text(POLICY)
    channels = [
        {"name": "ward-mail", "url_env": "WARD_MAIL_URL", "rate_per_minute_max": 600},
        {"name": "pager", "url_file": str(folder / "pager.url"), "rate_per_minute_max": 600},
    ]
    routes = [{"channels": ["ward-mail"], "kinds": ["opened", "cleared"]}, {"channels": ["pager"]}]
    return {
        "POLICY_FILE": str(folder / "policy.toml"),
        "NOTIFY__CHANNELS": json.dumps(channels),
        "NOTIFY__ROUTES": json.dumps(routes),
        "NOTIFY__CONSOLE_URL": "https://lamp.example",
        "NOTIFY__BACKOFF_S_MIN": "0.1",
        "NOTIFY__BACKOFF_S_MAX": "0.5",
        "NOTIFY__DEAD_FAILURES": "3",
    }


def _falls_ill(server: RunningServer, unit: str, bed: str) -> str:
    """A patient whose NEWS2 is 15 from the first vitals on; the record number."""
    patient = f"MRN{unique()}"
    with server.client("ehr") as ehr:
        for message in (admission(patient, unit, bed, family=FAMILY), vitals(patient, ILL)):
            ehr.post("/v1/hl7v2", content=message, headers=HL7).raise_for_status()
    return patient


def _channels(server: RunningServer) -> dict[str, dict[str, Any]]:
    with server.client("sre") as sre:
        items = sre.get("/v1/notifications/channels").raise_for_status().json()["items"]
    return {one["name"]: one for one in items}


def test_an_alert_reaches_its_channels_and_a_kill_loses_and_repeats_none(
    new_server: Start, tmp_path: Path, sinks: tuple[SmtpSink, WebhookSink], monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp, webhook = sinks
    settings, unit = _settings(tmp_path, smtp, webhook, monkeypatch), f"U{unique()}"
    webhook.mode = "refuse"
    server = new_server(**settings)
    patients = [_falls_ill(server, unit, str(bed)) for bed in range(1, 4)]
    smtp.wait_for(3)
    until(lambda: _channels(server)["pager"]["state"] == "dead")
    mailed = 'nightlamp_notify_messages_total{channel="ward-mail",outcome="delivered"}'
    with server.client("sre") as sre:
        until(lambda: labelled_metrics(sre).get(mailed, 0) >= 3)  # counted after the receiver has it
        ready = sre.get("/readyz")
        figures = labelled_metrics(sre)
    assert ready.status_code == 200
    assert "notifications do not get through: pager" in ready.text
    assert figures['nightlamp_notify_channel_dead{channel="pager"}'] == 1
    assert figures[mailed] == 3
    until(lambda: server.metrics()["nightlamp_notify_records_waiting"] == 0)
    server.stop(signal.SIGKILL)
    webhook.mode = "take"
    again = new_server(server.data_dir, **settings)
    webhook.wait_for(3)
    until(lambda: _channels(again)["pager"]["waiting"] == 0)
    with again.client("sre") as sre:
        figures = labelled_metrics(sre)
    assert figures["nightlamp_notify_recovered_total"] == 3
    assert (len(smtp.taken), len(webhook.taken)) == (3, 3)
    _nobodys_name_left(again, patients, smtp, webhook)
    _deliveries_are_told(again)


def _nobodys_name_left(server: RunningServer, patients: list[str], smtp: SmtpSink, webhook: WebhookSink) -> None:
    """P6: what the receivers got and what the log says holds no name, no record number; and the log no secret."""
    sent = "\n".join([*(text_of(mail) for mail in smtp.taken), *(json.dumps(hook) for hook in webhook.taken)])
    assert sent.count("NEWS2") >= 6
    assert "https://lamp.example/console/#/patient/" in sent
    for identity in (FAMILY, "Florence", "1950", *patients):
        assert identity not in sent
        assert identity not in server.log
    for secret in (SECRET, "nurse@ward.example", str(smtp.port)):
        assert secret not in server.log


def _deliveries_are_told(server: RunningServer) -> None:
    with server.client("nurse") as nurse, server.client("sre") as sre:
        alerts = nurse.get("/v1/alerts").raise_for_status().json()["items"]
        alert = next(one["alert_id"] for one in alerts if one["rule"] == "news2-high")

        def states() -> dict[str, str]:
            found = sre.get("/v1/notifications/deliveries", params={"alert_id": str(alert)}).raise_for_status().json()
            return {one["channel"]: one["state"] for one in found["items"]}

        until(lambda: "waiting" not in states().values())  # written down after the receiver has it
        assert states() == {"ward-mail": "delivered", "pager": "delivered"}
        assert nurse.get("/v1/notifications/channels").status_code == 403


def test_the_command_says_what_a_channel_did(
    tmp_path: Path, sinks: tuple[SmtpSink, WebhookSink], monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp, webhook = sinks
    for name, value in _settings(tmp_path, smtp, webhook, monkeypatch).items():
        monkeypatch.setenv(f"NIGHTLAMP_{name}", value)

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "nightlamp", "notify", *arguments]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert SECRET not in done.stdout + done.stderr
        return done

    done = command("test", "ward-mail")
    assert done.returncode == 0, done.stderr
    assert "taken after" in done.stderr
    assert "[nightlamp test, no alert]" in text_of(smtp.wait_for(1)[0])
    webhook.mode = "refuse"
    done = command("test", "pager")
    assert (done.returncode, "http_503" in done.stderr) == (1, True)
    assert command("test", "nobody").returncode == 2
    monkeypatch.delenv("WARD_MAIL_URL")
    done = command("list")
    assert (done.returncode, "WARD_MAIL_URL is not set" in done.stdout, "usable" in done.stdout) == (1, True, True)


def test_figures_of_alerts_are_there_for_who_may_read_or_operate_and_of_their_units(server: RunningServer) -> None:
    unit, other = f"U{unique()}", f"U{unique()}"
    for bed in ("1", "2"):
        _falls_ill(server, unit, bed)
    with server.client("nurse") as nurse, server.client("sre") as sre, server.client("ehr") as ehr:
        until(lambda: nurse.get("/v1/figures/alerts", params={"unit": unit}).json()["all"]["alerts"] >= 2)
        found = nurse.get("/v1/figures/alerts", params={"unit": unit}).raise_for_status().json()
        assert nurse.get("/v1/figures/alerts", params={"unit": other}).json()["items"] == []
        assert nurse.get("/v1/figures/alerts", params={"from": "2000-01-01T00:00:00Z"}).status_code == 422
        ahead = nurse.get("/v1/figures/alerts", params={"to": "2100-01-01T00:00:00Z", "unit": unit}).json()
        assert ahead["until"] < "2100", "what lies ahead has no figures"
        operated = sre.get("/v1/figures/alerts", params={"unit": unit}).raise_for_status().json()
        assert operated["all"]["alerts"] >= 2, "an SRE answers for the burden, and no patient is in it"
        assert ehr.get("/v1/figures/alerts").status_code == 403
    (one,) = found["items"]
    assert one["by_severity"]["high"] >= 2
    assert one["per_patient_day"] > 0
    assert (one["ppv"]["value"], "no unit of higher care" in one["ppv"]["why_not"]) == (None, True)
