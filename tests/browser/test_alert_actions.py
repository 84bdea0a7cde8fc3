"""What people do about alerts, in a real browser on a real server: seen, answered, ignored, kept through a crash."""

import re
import signal
from collections.abc import Callable, Iterator

import httpx
import pytest
from messages import ILL, WELL, admission, unique, vitals
from playwright.sync_api import Locator, Page, expect
from running_server import RunningServer, start_server
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
#: The chain is as short as a test may wait.
POLICY = """
[[rule]]
name = "news2-high"
score = "news2"
label = "NEWS2"
severity = "high"
enter = 7
clear = 4

[[rule]]
name = "shock"
severity = "medium"
units = ["SHOCK"]
when = { all = [{ signal = "SBP", below = 90, clear = 100 }, { signal = "HR", above = 110 }] }

[[escalation]]
severity = "high"
steps = [{ after_s = 3, to = "charge_nurse" }]
repeat_s = 600
expire_s = 3600
"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the policy's file."""
    path = tmp_path_factory.mktemp("policy") / "policy.toml"
    path.write_text(POLICY)
    return str(path)


@pytest.fixture(scope="module")
def house(policy: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for the module; each test has a unit of its own on it."""
    server = start_server(tmp_path_factory.mktemp("house"), POLICY_FILE=policy)
    yield server
    server.stop()


def sign_in(page: Page, server: RunningServer, role: str = "nurse") -> None:
    page.goto(f"{server.url}/console/#token={server.keys[role]}")
    expect(page.locator(".light")).to_contain_text("Live")


def send(server: RunningServer, *messages: str) -> None:
    with server.client("ehr") as ehr:
        for message in messages:
            ehr.post("/v1/hl7v2", content=message, headers=HL7).raise_for_status()


def deteriorate(server: RunningServer, unit: str, *beds: int) -> str:
    """In each of these beds somebody who was well and now is not; the last one's record number."""
    patient = ""
    for bed in beds:
        patient = f"P{unique()}"
        before, now = vitals(patient, WELL, ago_s=2), vitals(patient, ILL, ago_s=0)
        send(server, admission(patient, unit, str(bed)), before, now)
    return patient


def tile(page: Page, unit: str, bed: int) -> Locator:
    return page.get_by_role("article", name=f"Bed {bed} {unit}", exact=True)


def open_patient(page: Page, link: Locator) -> None:
    """Follow the link to the patient's page; back once it stands there, for the board has buttons of the same names."""
    link.click()
    expect(page.locator(".person")).to_be_visible()
    expect(page.locator(".tile, .list")).to_have_count(0)


def test_an_alert_is_explained_in_words_and_acknowledged_by_keyboard_and_on_the_patients_page(
    page: Page, house: RunningServer
) -> None:
    unit = f"U{unique()}"
    sign_in(page, house)
    deteriorate(house, unit, 1, 2)
    first, second = tile(page, unit, 1), tile(page, unit, 2)
    expect(first.locator(".alerts li").first).to_contain_text(re.compile(r"High\s*NEWS2 \d+ reached 7"))
    expect(first.locator(".why")).to_contain_text(re.compile(r"\+3\s*respiration rate 28 /min, \d+ s old"))
    first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(first.get_by_role("button", name=re.compile("^Acknowledge: NEWS2"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(first.locator(".standing")).to_contain_text(re.compile(r"Acknowledged by nurse \d+ s ago"))
    expect(first.get_by_role("button", name=re.compile("^Acknowledge"))).to_have_count(0)
    # Whoever still waits for an answer stands above.
    beds = page.locator(".tile").filter(has_text=unit).locator(".bed")
    expect(beds).to_have_text([re.compile("2$"), re.compile("1$")])
    open_patient(page, second.get_by_role("link", name="Bed 2"))
    page.get_by_role("button", name=re.compile("^Acknowledge with a note: ")).click()
    page.get_by_label("Note", exact=True).fill("going there")
    page.locator(".act form").get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".person ~ .alerts .standing")).to_contain_text(
        re.compile(r"Acknowledged by nurse \d+ s ago: going there")
    )


def test_an_ignored_alert_escalates_aloud_is_snoozed_and_passed_on_and_its_history_has_every_step(
    page: Page, house: RunningServer
) -> None:
    unit = f"U{unique()}"
    sign_in(page, house)
    deteriorate(house, unit, 1)
    ignored = tile(page, unit, 1)
    expect(ignored.locator(".standing")).to_contain_text("Escalated to charge nurse")
    expect(page.get_by_role("status").first).to_contain_text(
        f"High alert escalated, {unit} bed 1: nobody answered for 3 s: passed on to the charge nurse"
    )
    ignored.get_by_role("button", name=re.compile("^Snooze: ")).click()
    ignored.get_by_label("Reason").fill("physician is here")
    ignored.locator(".act form").get_by_role("button", name="Snooze").click()
    expect(ignored.locator(".standing")).to_contain_text(
        re.compile(r"Snoozed by nurse for another \d+ min: physician is here")
    )
    open_patient(page, ignored.get_by_role("link", name="Bed 1"))
    page.get_by_role("button", name=re.compile("^Escalate: ")).click()
    page.get_by_label("Call").select_option("physician")
    page.get_by_label("Note", exact=True).fill("please look")
    page.locator(".act form").get_by_role("button", name="Escalate").click()
    expect(page.locator(".person ~ .alerts .standing")).to_contain_text("Escalated to physician")
    steps = page.locator(".history .steps li")
    expect(steps).to_have_count(4)
    told = ["opened", "escalated to charge nurse", "snoozed by nurse: physician is here"]
    expect(steps).to_contain_text([*told, "escalated to physician by nurse: please look"])


#: How much of these panels is drawn in the red of high alerts.
RED = """panels => panels.reduce((red, panel) => {
  const { data } = panel.getContext("2d").getImageData(0, 0, panel.width, panel.height);
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 100 && data[i] > data[i + 2] + 60) red += 1;
  return red; }, 0)"""


def test_an_alert_that_is_over_stays_marked_with_its_end_through_zoom_and_is_reached_by_keyboard(
    page: Page, house: RunningServer
) -> None:
    unit = f"U{unique()}"
    sign_in(page, house)
    patient = deteriorate(house, unit, 1)
    open_patient(page, tile(page, unit, 1).get_by_role("link", name="Bed 1"))
    marks = page.get_by_role("list", name="Alerts in the time shown").get_by_role("button")
    # It escalates after 3 s, which a slow machine needs to get here.
    standing = re.compile(r"^High: NEWS2 \d+ reached 7.*, since .*, (waits for an answer|escalated)")
    expect(marks).to_have_accessible_name(standing)
    send(house, vitals(patient, WELL, ago_s=0))
    expect(page.locator(".person ~ .alerts")).to_have_count(0)
    expect(marks).to_have_accessible_name(re.compile(r"^High: NEWS2 \d+ reached 7.*, over after \d+ s\. Zoom to it$"))
    heart = page.locator(".panel", has_text="Heart rate").locator("canvas")
    assert until(lambda: heart.evaluate_all(RED) > 100, within_s=5)
    # Beyond it there is none, neither as a bar nor in the panels; and back by zooming out.
    box = heart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 50, steps=3)
    page.mouse.up()
    expect(page.locator(".lane .head")).to_contain_text("none in this time")
    assert until(lambda: heart.evaluate_all(RED) == 0, within_s=5)
    page.get_by_role("button", name="24 h").click()
    expect(marks).to_have_count(1)
    marks.focus()
    expect(page.locator(".lane .told")).to_contain_text(re.compile(r"High NEWS2 \d+ reached 7.*, over after"))
    page.keyboard.press("Enter")
    expect(page.locator(".course .choice [aria-pressed=true]")).to_have_count(0)
    expect(marks).to_have_count(1)
    assert until(lambda: heart.evaluate_all(RED) > 100, within_s=5)


def test_a_killed_server_is_told_within_three_seconds_and_alerts_stand_as_before_without_a_reload(
    page: Page, policy: str, new_server: Callable[..., RunningServer]
) -> None:
    server, unit = new_server(POLICY_FILE=policy), f"U{unique()}"
    sign_in(page, server)
    page.evaluate("window.kept = true")
    deteriorate(server, unit, 1, 2)
    seen, ignored = tile(page, unit, 1).locator(".standing"), tile(page, unit, 2).locator(".standing")
    tile(page, unit, 1).get_by_role("button", name=re.compile("^Acknowledge: ")).press("Enter")
    expect(seen).to_contain_text("Acknowledged by nurse")
    expect(ignored).to_contain_text("Escalated to charge nurse")
    server.stop(signal.SIGKILL)
    expect(page.locator(".banner")).to_contain_text("Server silent since", timeout=3_000)
    expect(page.locator("main")).to_have_class("silent")
    new_server(HTTP__PORT=str(httpx.URL(server.url).port), POLICY_FILE=policy)
    expect(page.locator(".banner")).to_have_count(0, timeout=20_000)
    expect(page.locator(".light")).to_contain_text("Live")
    expect(seen).to_contain_text("Acknowledged by nurse")
    expect(ignored).to_contain_text("Escalated to charge nurse")
    assert page.evaluate("window.kept") is True
    # Not a picture of before: what is done now reaches the same alert.
    tile(page, unit, 2).get_by_role("button", name=re.compile("^Acknowledge: ")).press("Enter")
    expect(ignored).to_contain_text("Acknowledged by nurse")


def test_an_alert_of_a_condition_names_what_holds_on_board_list_page_and_history_and_claims_no_risk(
    page: Page, house: RunningServer
) -> None:
    sign_in(page, house)
    deteriorate(house, "SHOCK", 1)
    sentence = re.compile(
        r"Medium\s*systolic blood pressure 86 mmHg, \d+ s old, below 90; heart rate 134 /min, .*above 110"
    )
    alert = tile(page, "SHOCK", 1).locator(".alerts li[data-severity=medium]")
    expect(alert).to_contain_text(sentence)
    expect(alert.locator(".why")).to_have_count(0)
    expect(alert.get_by_role("button", name=re.compile("^Acknowledge: systolic"))).to_be_visible()
    tile(page, "SHOCK", 1).get_by_role("button", name=re.compile("^Acknowledge: NEWS2")).click()
    page.get_by_role("button", name="List").click()
    row = page.get_by_role("row", name=re.compile("SHOCK"))
    # Who waits for an answer would stand first among equals; a high one stands above a medium one all the same.
    expect(row.get_by_role("cell", name=re.compile(r"High NEWS2 .*\(\+1\)"))).to_be_visible()
    open_patient(page, row.get_by_role("link", name="1"))
    expect(page.locator(".person ~ .alerts li[data-severity=medium]")).to_contain_text(sentence)
    expect(page.locator(".history li[data-severity=medium]")).to_contain_text(sentence)
    expect(
        page.get_by_role("button", name=re.compile("^Medium: systolic blood pressure 86 .*Zoom to it$"))
    ).to_be_visible()
    assert "risk" not in page.locator(".person ~ .alerts").inner_text().lower()


def test_who_may_only_read_is_offered_no_action(page: Page, house: RunningServer) -> None:
    unit = f"U{unique()}"
    sign_in(page, house, "data_scientist")
    deteriorate(house, unit, 1)
    expect(tile(page, unit, 1).locator(".alerts li").first).to_be_visible()
    assert page.locator(".act").count() == 0
