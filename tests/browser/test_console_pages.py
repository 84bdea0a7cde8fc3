"""Every page of the console on a real server: by role, with a course to look at, locked and unlocked, by axe-core."""

import json
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from messages import ILL, WELL, admission, result, stamp, unique, vitals
from playwright.sync_api import Browser, Page, Response, expect
from running_server import RunningServer, start_server
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
#: Impacts by which axe-core names what keeps people out.
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a patient who deteriorated over two hours, one who is well, and a message nobody could use."""
    server = start_server(tmp_path_factory.mktemp("house"))
    try:
        ill, well = f"P{unique()}", f"P{unique()}"
        with server.client("ehr") as ehr:
            messages = [admission(ill, "ICU-1", "7"), admission(well, "Ward 4", "1")]
            for minutes in range(120, 0, -10):
                rate = str(72 + (120 - minutes) // 3)
                messages.append(vitals(ill, WELL | {"8867-4": (rate, "/min")}, ago_s=minutes * 60))
            messages += [result(ill, "32693-4", "3.4", "mmol/L", stamp(600)), vitals(well, WELL)]
            messages += [vitals(ill, ILL, ago_s=0.2), vitals(ill, ILL, ago_s=0)]
            for message in messages:
                ehr.post("/v1/hl7v2", content=message, headers=HL7).raise_for_status()
            ehr.post("/v1/hl7v2", content=vitals(well, {"8867-4": ("80", "/furlong")}), headers=HL7)
        durable = server.metrics()["nightlamp_journal_durable_seq"]
        until(lambda: server.metrics()["nightlamp_store_cursor_seq"] >= durable)
        yield server
    finally:
        server.stop()


def sign_in(page: Page, server: RunningServer, role: str, place: str = "") -> None:
    """With the key of a role; then to a page."""
    page.goto(f"{server.url}/console/#token={server.keys[role]}")
    expect(page.locator(".light")).to_contain_text("Live")
    if place:
        page.get_by_role("link", name=place).click()


def open_patient(page: Page) -> None:
    page.get_by_role("link", name="Bed 7").click()
    expect(page.locator(".panel canvas").first).to_be_visible()


def test_the_course_why_and_the_past_of_a_patient_stand_on_one_page(page: Page, house: RunningServer) -> None:
    sign_in(page, house, "nurse")
    open_patient(page)
    expect(page.locator(".person")).to_contain_text("Nightingale, Florence")
    expect(page.locator(".identity")).to_contain_text("1950-05-12")
    panels = page.locator(".panel .plot")
    titles = page.locator(".panel .head > b").all_inner_texts()
    assert [one for one in ("NEWS2", "Heart rate", "Blood pressure", "Lactate") if one not in titles] == []
    heart = page.get_by_role("img", name=re.compile("^Heart rate: Heart rate from 72 to 134 .min, last 134"))
    expect(heart).to_be_visible()
    page.get_by_role("button", name="1 h", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("^Heart rate: Heart rate from 9[0-9]"))).to_be_visible()
    assert panels.count() > 4
    expect(page.locator(".parts tr", has_text="Respiration")).to_contain_text("28 /min")
    expect(page.locator(".reasons .answer[data-model=sepsis] .inputs.missing")).to_contain_text(
        "no creatinine measured"
    )
    expect(page.locator(".history li", has_text="High NEWS2").first).to_be_visible()
    # The past: the slider's keyboard asks the journal, and the answer is marked as past.
    page.get_by_role("slider").press("Home")
    expect(page.locator(".course .note, .then .mark").first).to_be_visible()
    page.get_by_role("button", name="Back to now").click()
    expect(page.locator(".then")).to_have_count(0)


def test_a_role_that_needs_no_identity_never_gets_a_name(page: Page, house: RunningServer) -> None:
    bodies: list[str] = []

    def keep(answer: Response) -> None:
        if "/v1/" in answer.url and answer.status == 200:
            bodies.append(answer.text())

    page.on("response", keep)
    sign_in(page, house, "data_scientist")
    expect(page.locator(".tile .name").first).to_contain_text("Patient ")
    open_patient(page)
    expect(page.locator(".identity")).to_contain_text("masked for this role")
    assert len(bodies) > 3
    assert not any("Nightingale" in body or "1950-05-12" in body for body in bodies)
    assert page.get_by_role("link", name="Operations").count() == 0


def test_operations_tells_feeds_stages_dead_letters_and_models_without_a_patient(
    page: Page, house: RunningServer
) -> None:
    sign_in(page, house, "sre")
    assert page.get_by_role("link", name="Ward board").count() == 0
    expect(page.locator(".stages li")).to_have_count(5)
    expect(page.locator(".stages li").first).to_contain_text("Works")
    expect(page.locator("tr", has_text="HL7 v2 over HTTP")).to_contain_text(re.compile(r"\d+ (s|min) ago"))
    burden = page.get_by_role("region", name="Alert burden by unit")
    expect(burden.get_by_role("row", name=re.compile("^ICU-1"))).to_be_visible()
    sender = page.get_by_role("region", name="Senders").get_by_role("row", name=f"Key {house.key_id('ehr')}")
    expect(sender).to_contain_text(re.compile(r"HL7 v2 over HTTP\d+ (s|min) ago"))
    letter = page.locator("tr", has_text="unknown_unit").first
    letter.get_by_role("button", name="View").click()
    expect(page.locator("tr.raw")).to_contain_text("shown to roles that may see identity")
    letter.get_by_role("button", name="Replay").click()
    page.get_by_label("only those not replayed").uncheck()
    # The list is read again every 10 s.
    expect(page.locator("tr", has_text="replayed").first).to_be_visible(timeout=25_000)
    page.get_by_role("button", name=re.compile("Card of .*[Ss]epsis")).click()
    expect(page.get_by_role("img", name=re.compile("predicted risk and what happened"))).to_be_visible()
    expect(page.get_by_label("Model card")).to_contain_text("#")
    page.get_by_role("link", name="Policy").click()
    expect(page.locator(".rules li").first).to_contain_text("Opens at 7 or more")


def test_an_idle_screen_locks_and_gives_back_what_was_on_it(page: Page, house: RunningServer) -> None:
    page.route(
        "**/v1/console/session",
        lambda route: (
            route.continue_()
            if route.request.method != "GET"
            else route.fulfill(json=json.loads(route.fetch().text()) | {"idle_lock_s": 6})
            if (answer := route.fetch()).ok
            else route.fulfill(response=answer)
        ),
    )
    sign_in(page, house, "nurse")
    open_patient(page)
    page.get_by_role("button", name="24 h").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible(timeout=20_000)
    expect(page.locator(".person")).to_be_hidden()
    token = page.get_by_label("Token or key")
    expect(token).to_be_focused()
    # The server is told to end the session, which is a request of its own.
    assert until(lambda: page.evaluate("fetch('/v1/patients').then(answer => answer.status)") == 401, within_s=10)
    token.fill("nl_wrong")
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("alert")).to_contain_text("unknown, used or too old")
    token.fill(house.keys["nurse"])
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".light")).to_contain_text("Live")


def test_the_policy_page_shows_what_another_policy_would_have_opened_to_who_may_try_one(
    page: Page, house: RunningServer
) -> None:
    tried = '[[rule]]\nname = "early"\ncause = "news2"\nscore = "news2"\nseverity = "low"\nenter = 3\nclear = 1\n'
    with house.client("data_scientist") as scientist:
        scientist.post("/v1/policy/simulate", json={"text": tried}).raise_for_status()
        until(lambda: scientist.get("/v1/policy/simulation").json()["running"] is None)
        shown = scientist.get("/v1/policy/simulation").json()["last"]["result"]["candidate"]["figures"]["all"]
    sign_in(page, house, "data_scientist", "Policy")
    card = page.locator(".simulation")
    expect(card.get_by_role("row", name="Rule early")).to_contain_text(f"{shown['alerts']}")
    expect(card.get_by_role("row", name="news2", exact=False).first).to_be_visible()
    expect(card).to_contain_text("Of those in both the candidate opens")
    sign_in(page, house, "nurse", "Policy")
    expect(page.get_by_role("heading", name="Rules")).to_be_visible()
    expect(card).to_have_count(0)


PLACES = ["", "patient", "list", "Operations", "Policy", "signed out"]
#: What stands above the pages that a link leads to.
HEADINGS = {"Operations": "Operations", "Policy": "Alert policy"}


@pytest.mark.parametrize("look", ["light", "dark", "narrow"])
def test_axe_finds_nothing_serious_on_any_page(chromium: Browser, house: RunningServer, look: str) -> None:
    size = {"width": 390, "height": 844} if look == "narrow" else {"width": 1366, "height": 900}
    context = chromium.new_context(viewport=size, color_scheme="dark" if look == "dark" else "light")
    page = context.new_page()
    found = []
    try:
        sign_in(page, house, "admin")
        expect(page.locator(".tile")).to_have_count(2)
        for place in PLACES:
            if place == "patient":
                open_patient(page)
                expect(page.locator(".reasons .answer li").first).to_be_visible()
            elif place == "list":
                page.get_by_role("link", name="Ward board").first.click()
                page.get_by_role("button", name="List").click()
                expect(page.locator(".list tbody tr")).to_have_count(2)
            elif place == "signed out":
                page.get_by_role("button", name="Sign out").click()
                expect(page.get_by_label("Token or key")).to_be_visible()
            elif place:
                page.get_by_role("link", name=place).click()
                expect(page.get_by_role("heading", level=1, name=HEADINGS[place], exact=True)).to_be_visible()
                expect(page.locator(".card").first).to_be_visible()
            for one in Axe().run(page).response["violations"]:
                if one["impact"] in SERIOUS:
                    found.append((place or "board", one["id"], [node["target"] for node in one["nodes"]][:3]))
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                found.append((place or "board", f"{wide} px wider than the screen", []))
    finally:
        context.close()
    assert found == []
