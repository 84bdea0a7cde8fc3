"""From an HL7 message posted to a real nightlamp server to what a nurse sees in a real browser."""

import re
import signal
from collections.abc import Callable

import httpx
from messages import ILL, WELL, admission, unique, vitals
from playwright.sync_api import Page, expect
from running_server import RunningServer

HL7 = {"Content-Type": "application/hl7-v2"}


def send(ehr: httpx.Client, *messages: str) -> None:
    for message in messages:
        answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
        assert answer.status_code == 200, answer.text


def sign_in(page: Page, server: RunningServer) -> None:
    with server.client("admin") as admin:
        token = admin.post("/v1/console/tokens", json={"role": "nurse"}).json()["token"]
    page.goto(f"{server.url}/console/#token={token}")
    expect(page.locator(".light")).to_contain_text("Live")


def now_in(page: Page) -> str:
    """This second in the browser's time zone, as a datetime-local input wants it; alerts and scores before it count."""
    page.wait_for_timeout(1_100)
    return str(page.evaluate("new Date(Date.now() - new Date().getTimezoneOffset() * 6e4).toISOString().slice(0, 19)"))


def test_a_deterioration_appears_is_explained_and_a_lost_server_is_told(
    page: Page, new_server: Callable[..., RunningServer]
) -> None:
    server = new_server()
    well, ill, unit = f"P{unique()}", f"P{unique()}", f"U{unique()}"
    with server.client("ehr") as ehr:
        send(ehr, admission(well, unit, "1"), admission(ill, unit, "2"), vitals(well, WELL), vitals(ill, WELL))
        sign_in(page, server)
        expect(page.locator(".tile")).to_have_count(2)
        expect(page.locator(".tile .vitals").first).to_contain_text("124/78")
        # Once: a second evaluation would open qSOFA as well, and its announcement would replace the one below.
        send(ehr, vitals(ill, ILL, ago_s=0))
    worst = page.locator(".tile").first
    expect(worst.locator(".bed")).to_contain_text("2")
    expect(worst.locator(".news2")).to_contain_text("High")
    expect(worst.locator(".alerts li").first).to_contain_text(re.compile(r"^\s*High\s*NEWS2 \d+ reached 7"))
    expect(worst.locator(".why li").first).to_have_text(
        re.compile(r"^\+3\s*\w[\w ()]+ [\d.]+ (/min|%|mmHg), \d+ s old$")
    )
    expect(worst.locator(".why").first).to_contain_text(re.compile(r"\+3\s*respiration rate 28 /min, \d+ s old"))
    expect(page.get_by_role("status")).to_contain_text(f"High alert, {unit} bed 2")
    why = worst.get_by_role("button", name="Why this Sepsis risk")
    why.focus()
    page.keyboard.press("Enter")
    answer = worst.locator(".risk.sepsis .answer")
    expect(answer.locator("ol li")).to_have_count(5)
    expect(answer.locator("ol li").first).to_contain_text(re.compile("(raises|lowers) the risk: "))
    # A model scores once a minute, so this is still the score of the values before.
    expect(answer.locator(".inputs").first).to_contain_text(re.compile(r"heart rate 72 /min, \d+ s old"))
    expect(answer.locator(".inputs.missing")).to_contain_text("no lactate measured")
    expect(why).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Enter")
    expect(answer).to_be_hidden()
    # A nurse reads the name; the record's number stands on the patient's page only.
    expect(worst.locator(".name")).to_contain_text("Nightingale, Florence")
    assert ill not in page.locator("body").inner_text()

    # As it was: before the deterioration, apart from the present and marked as past.
    worst.get_by_text("As it was at").click()
    worst.get_by_label("Time").fill("2001-01-01T00:00:00")
    worst.get_by_role("button", name="Show").click()
    expect(worst.locator(".past [role=alert]")).to_contain_text("nothing had been received yet")
    worst.get_by_label("Time").fill(now_in(page))
    worst.get_by_role("button", name="Show").click()
    then = page.get_by_role("dialog")
    expect(then).to_contain_text("Past, not the present state")
    expect(then).to_contain_text(f"Bed 2, {unit} at")
    expect(then.locator("tr.stored").first).to_contain_text(re.compile(r"news2\s*\d+ High"))
    expect(then).to_contain_text("reached 7")
    then.get_by_role("button", name="Close").click()
    expect(then).to_have_count(0)

    server.process.send_signal(signal.SIGSTOP)
    try:
        expect(page.locator(".banner")).to_contain_text("Server silent since", timeout=5_000)
    finally:
        server.process.send_signal(signal.SIGCONT)
    expect(page.locator(".banner")).to_have_count(0, timeout=20_000)
    expect(worst.locator(".alerts li").first).to_be_visible()

    server.stop(signal.SIGKILL)
    expect(page.locator(".banner")).to_contain_text("Server silent since", timeout=3_000)
    again = new_server(HTTP__PORT=str(httpx.URL(server.url).port))
    assert again.url == server.url
    # The session outlives the server: the page goes on by itself, without a reload and without a new token.
    expect(page.locator(".banner")).to_have_count(0, timeout=20_000)
    expect(page.locator(".light")).to_contain_text("Live")
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator(".tile").first.locator(".alerts li").first).to_contain_text("High")
