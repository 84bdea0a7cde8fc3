"""Who looks after the server finds its troubles on the operations page and answers them there."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from messages import ILL, admission, unique, vitals
from playwright.sync_api import Page, expect
from running_server import RunningServer
from sinks import WebhookSink

HL7 = {"Content-Type": "application/hl7-v2"}
#: The page asks every three seconds, of a server that first stores what it tells.
SHOWN_MS = 30_000


def test_a_trouble_stands_on_the_operations_page_and_is_answered_there_by_who_operates(
    page: Page, new_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    with WebhookSink() as pager:
        pager.mode = "refuse"
        (tmp_path / "pager.url").write_text(pager.url())
        server = new_server(
            NOTIFY__CHANNELS=json.dumps([{"name": "pager", "url_file": str(tmp_path / "pager.url")}]),
            NOTIFY__ROUTES=json.dumps([{"channels": ["pager"]}]),
            NOTIFY__DEAD_FAILURES="1",
        )
        patient = f"P{unique()}"
        with server.client("ehr") as ehr:
            for message in (admission(patient, "ICU-1", "7"), vitals(patient, ILL)):
                ehr.post("/v1/hl7v2", content=message, headers=HL7).raise_for_status()
        page.goto(f"{server.url}/console/#token={server.keys['sre']}")
        expect(page.locator(".light")).to_contain_text("Live")
        alerts = page.get_by_role("list", name="Technical alerts").get_by_role("listitem")
        expect(alerts).to_have_count(1, timeout=SHOWN_MS)
        expect(alerts).to_contain_text(re.compile(r"Technical\s*channel pager: the last attempt failed"))
        alerts.get_by_role("button", name=re.compile("^Escalate: channel pager")).click()
        called = alerts.get_by_label("Call").locator("option")
        expect(called).to_have_text(["Nurse", "Charge nurse", "Physician", "Administrator", "SRE"])
        alerts.get_by_role("button", name=re.compile("^Acknowledge: channel pager")).click()
        expect(alerts.locator(".standing")).to_contain_text("Acknowledged by sre", timeout=SHOWN_MS)
        expect(alerts).to_have_count(1)
