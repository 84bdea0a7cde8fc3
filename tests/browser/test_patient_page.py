"""The patient's page tells the time it shows, the stay it is about, and what it could not read; on a real server."""

import re
from collections.abc import Iterator

import pytest
from messages import ILL, WELL, admission, unique, vitals
from playwright.sync_api import Page, Route, expect
from running_server import RunningServer, start_server
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for the module; each test has a patient of its own on it."""
    server = start_server(tmp_path_factory.mktemp("house"))
    yield server
    server.stop()


def send(server: RunningServer, *messages: str) -> None:
    with server.client("ehr") as ehr:
        for message in messages:
            ehr.post("/v1/hl7v2", content=message, headers=HL7).raise_for_status()


def open_patient(page: Page, server: RunningServer, unit: str) -> str:
    """The page of the one who lies in this unit, as a nurse; the pseudonym, once the course is drawn."""
    with server.client("nurse") as nurse:
        (found,) = until(lambda: nurse.get("/v1/patients", params={"unit": unit}).json().get("items"))
    patient = str(found["patient_id"])
    page.goto(f"{server.url}/console/#token={server.keys['nurse']}")
    expect(page.locator(".light")).to_contain_text("Live")
    page.goto(f"{server.url}/console/#/patient/{patient}")
    expect(page.locator(".person")).to_be_visible()
    expect(page.locator(".panel canvas").first).to_be_visible()
    return patient


def ill_since_a_while(server: RunningServer) -> str:
    """Somebody who was well half an hour ago and is ill now; the unit."""
    patient, unit = f"P{unique()}", f"U{unique()}"
    send(server, admission(patient, unit, "1"), vitals(patient, WELL, ago_s=1800), vitals(patient, ILL, ago_s=0))
    return unit


def test_no_answer_about_the_past_stands_under_now_though_it_came_after_going_back(
    page: Page, house: RunningServer
) -> None:
    held: list[Route] = []
    open_patient(page, house, ill_since_a_while(house))
    page.route(re.compile("/as-of"), lambda route: held.append(route))
    page.get_by_role("slider").press("Home")
    expect(page.locator(".course")).to_contain_text("Reading the journal")
    until(lambda: page.evaluate("1") and held)
    page.get_by_role("button", name="Back to now").click()
    expect(page.locator(".slider b")).to_have_text("now")
    with page.expect_response(re.compile("/as-of")) as late:
        held[0].continue_()
    late.value.finished()
    # What is asked after it is answered after it: by now the page has taken the answer that came late.
    page.evaluate("fetch('/v1/console/session').then(answer => answer.text())")
    expect(page.locator(".slider b")).to_have_text("now")
    expect(page.locator(".slider ~ *")).to_have_count(0)


def test_the_time_of_the_past_shown_stays_what_it_was_through_a_zoom_and_another_span_ends_it(
    page: Page, house: RunningServer
) -> None:
    open_patient(page, house, ill_since_a_while(house))
    slider, told = page.get_by_role("slider"), page.locator(".slider b")
    for _ in range(3):
        slider.press("ArrowLeft")
    expect(page.locator(".slider ~ .then, .slider ~ .note")).to_be_visible()
    chosen = told.inner_text()
    assert re.search(r"\d\d:\d\d$", chosen)
    page.get_by_role("button", name=re.compile("^High: NEWS2 .*Zoom to it$")).click()
    expect(page.locator(".course .choice [aria-pressed=true]")).to_have_count(0)
    expect(slider).not_to_have_value("237")
    expect(told).to_have_text(chosen)
    expect(slider).to_have_attribute("aria-valuetext", chosen)
    page.get_by_role("button", name="24 h").click()
    expect(told).to_have_text("now")
    expect(page.locator(".slider ~ *")).to_have_count(0)
    expect(slider).to_have_value("240")
