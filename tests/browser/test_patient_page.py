"""The patient's page tells the time it shows, the stay it is about, and what it could not read; on a real server."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
from messages import ILL, WELL, admission, adt, stamp, unique, vitals
from playwright.sync_api import Page, Request, Route, expect
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
    """The page of the one who lies in this unit, to a nurse, once a score is stored; the pseudonym, once drawn."""
    with server.client("nurse") as nurse:
        (found,) = until(lambda: nurse.get("/v1/patients", params={"unit": unit}).json().get("items"))
        patient = str(found["patient_id"])
        until(lambda: nurse.get(f"/v1/patients/{patient}/scores", params={"model": "sepsis"}).json()["items"])
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


def test_the_stay_begins_with_the_admission_and_not_with_the_first_contact_ever(
    page: Page, house: RunningServer
) -> None:
    patient, unit = f"P{unique()}", f"U{unique()}"
    came = datetime.now(UTC) - timedelta(hours=3)
    send(house, adt("A01", patient, f"{unit}/1", occurred=stamp(3 * 3600)), vitals(patient, WELL, ago_s=0))

    def long_known(route: Route) -> None:
        """The person as the server tells it, but for a first contact a year ago."""
        told = route.fetch().json()
        route.fulfill(json=told | {"first_seen_at": (came - timedelta(days=365)).isoformat()})

    page.route(re.compile("/v1/patients/[0-9a-f-]+$"), long_known)
    asked: list[datetime] = []

    def note(request: Request) -> None:
        if "/history?" in request.url:
            asked.append(datetime.fromisoformat(parse_qs(urlsplit(request.url).query)["from"][0]))

    page.on("request", note)
    open_patient(page, house, unit)
    page.get_by_role("button", name="Stay").click()
    until(lambda: page.evaluate("1") and any(abs(one - came) < timedelta(minutes=20) for one in asked), within_s=15)
    assert min(asked) > came - timedelta(hours=4), "6 h at first, then the stay"
    page.unroute_all(behavior="ignoreErrors")


def test_the_history_lists_the_alerts_of_this_stay_and_says_where_older_ones_are_left_out(
    page: Page, house: RunningServer
) -> None:
    patient, unit = f"P{unique()}", f"U{unique()}"
    send(house, adt("A01", patient, f"{unit}/1", occurred=stamp(7200)), vitals(patient, ILL, ago_s=1))
    with house.client("nurse") as nurse:
        alerts = partial(nurse.get, "/v1/alerts", params={"unit": unit})
        until(lambda: alerts().json()["items"])
        send(house, adt("A03", patient, f"{unit}/1"))
        over = until(lambda: [one for one in alerts().json()["items"] if one["cleared_at"]])
    ended = max(datetime.fromisoformat(one["cleared_at"]) for one in over)
    back = adt("A01", patient, f"{unit}/1").replace(f"|V{patient}", f"|W{patient}")
    send(house, back, vitals(patient, WELL, ago_s=0.5), vitals(patient, ILL, ago_s=0))

    def later(route: Route) -> None:
        """The person as the server tells it, but for an admission ten minutes after the first stay's last alert."""
        told = route.fetch().json()
        assert datetime.fromisoformat(told["admitted_at"]) > ended - timedelta(seconds=1), "of the second stay"
        route.fulfill(json=told | {"admitted_at": (ended + timedelta(minutes=10)).isoformat()})

    page.route(re.compile("/v1/patients/[0-9a-f-]+$"), later)
    entries = page.locator(".history li", has_text="High NEWS2")
    page.clock.install()
    open_patient(page, house, unit)
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("waits for an answer")
    expect(page.locator(".history")).not_to_contain_text("left out")

    def more(route: Route) -> None:
        """The server's list, as if it went on."""
        route.fulfill(json=route.fetch().json() | {"items": [], "next_cursor": "1.1"})

    page.route(re.compile(r"/v1/alerts\?patient="), more)
    page.clock.fast_forward(20_000)
    expect(page.locator(".history")).to_contain_text("older ones are left out")
    page.unroute_all(behavior="ignoreErrors")


#: What the stream tells of scores is told so much later by their own clock.
LATER = """window.laterMs = 0;
const parse = JSON.parse;
JSON.parse = (...said) => {
  const told = parse(...said);
  for (const message of [told].flat())
    for (const score of Object.values(message?.scores ?? {})) score.at_ms += window.laterMs;
  return told;
};"""


def test_reasons_that_could_not_be_read_anew_stand_greyed_and_say_so(page: Page, house: RunningServer) -> None:
    patient, unit = f"P{unique()}", f"U{unique()}"
    send(house, admission(patient, unit, "1"), vitals(patient, WELL, ago_s=1))
    page.add_init_script(LATER)
    open_patient(page, house, unit)
    answer = page.locator(".reasons .answer[data-model=sepsis]")
    expect(answer.locator("ol li").first).to_be_visible()
    expect(answer.locator(".old")).to_have_count(0)
    page.route(re.compile("/explanation"), lambda route: route.abort())
    page.evaluate("window.laterMs = 120_000")
    send(house, vitals(patient, ILL, ago_s=0))
    expect(answer.get_by_role("alert")).to_contain_text("could not be read anew")
    expect(answer.locator(".old ol li").first).to_be_visible()
    page.unroute(re.compile("/explanation"))
    answer.get_by_role("button", name="Ask again").click()
    expect(answer.get_by_role("alert")).to_have_count(0)
    expect(answer.locator(".old")).to_have_count(0)
    expect(answer.locator("ol li").first).to_be_visible()
