"""One browser, two people: a tab belongs to whoever the session belongs to, and keeps nothing of who was there."""

import pytest
import ward_script as script
from playwright.sync_api import Locator, Page, Route, expect
from waiting import until
from ward_server import WardServer

SESSION = "**/v1/console/session"


def enter(page: Page, ward: WardServer, token: str) -> None:
    page.goto(f"{ward.url}/console/#token={token}")
    expect(page.locator(".light")).to_contain_text("Live")


def sign_in_elsewhere(page: Page, ward: WardServer, token: str) -> None:
    """The browser's session becomes another's, and no script of a page has heard of it."""
    answer = page.context.request.post(f"{ward.url}/v1/console/session", data={"token": token})
    assert answer.status == 204


def belongs_to(page: Page, role: str, *, tiles: int) -> None:
    expect(page.locator(".who")).to_have_text(role)
    expect(page.locator(".tile")).to_have_count(tiles)


def tile(page: Page, number: int) -> Locator:
    return page.locator(f'.tile[data-patient="{script.patient_id(number)}"]')


def test_who_signs_in_in_another_tab_finds_nothing_of_the_one_before_in_this_one(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3))
    enter(page, ward, "once")
    belongs_to(page, "Nurse", tiles=1)
    enter(page.context.new_page(), ward, "sre")
    belongs_to(page, "SRE", tiles=0)
    expect(page.get_by_role("link", name="Operations")).to_be_visible()


def test_a_locked_tab_belongs_to_who_signs_in_in_another(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3))
    enter(page, ward, "once")
    belongs_to(page, "Nurse", tiles=1)
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    enter(page.context.new_page(), ward, "physician")
    belongs_to(page, "Physician", tiles=1)
    expect(page.get_by_role("heading", name="Locked")).to_have_count(0)


def test_a_tab_that_comes_into_sight_asks_whose_it_is(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3))
    enter(page, ward, "once")
    sign_in_elsewhere(page, ward, "physician")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    belongs_to(page, "Physician", tiles=1)


def test_a_stream_that_comes_back_does_so_as_whom_the_session_belongs_to(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3))
    enter(page, ward, "once")
    belongs_to(page, "Nurse", tiles=1)
    sign_in_elsewhere(page, ward, "physician")
    ward.kill()
    expect(page.locator(".banner")).to_contain_text("Server silent")
    ward.start()
    ward.offer(script.patient(1, 1, 3), script.patient(1, 2, 4))
    expect(page.locator(".light")).to_contain_text("Live")
    belongs_to(page, "Physician", tiles=2)


def test_a_page_without_a_stream_notices_that_the_session_is_anothers(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3))
    enter(page, ward, "sre")
    sign_in_elsewhere(page, ward, "once")
    belongs_to(page, "Nurse", tiles=1)


@pytest.mark.parametrize(("token", "role", "tiles"), [("sre", "SRE", 0), ("once", "Nurse", 1)])
def test_a_tab_that_asks_while_its_person_signs_in_in_another_goes_on_once_that_is_done(
    page: Page, ward: WardServer, token: str, role: str, tiles: int
) -> None:
    ward.offer(script.patient(1, 1, 3))
    enter(page, ward, token)
    belongs_to(page, role, tiles=tiles)
    ward.hold_sign_ins(True)
    other = page.context.new_page()
    with other.expect_request(lambda asked: asked.method == "POST"):
        other.goto(f"{ward.url}/console/#token={token}")
    locked = page.get_by_role("heading", name="Locked")
    if token == "once":  # It has a stream, and asks when it comes into sight.
        until(lambda: page.evaluate("fetch('/v1/console/session').then(answer => answer.status)") == 401)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(locked).to_be_visible()
    ward.hold_sign_ins(False)
    expect(other.locator(".light")).to_contain_text("Live")
    expect(locked).to_have_count(0)
    belongs_to(page, role, tiles=tiles)
    expect(page.locator(".light")).to_contain_text("Live")


def test_an_answer_from_before_somebody_signed_in_in_another_tab_locks_nothing(page: Page, ward: WardServer) -> None:
    enter(page, ward, "sre")
    belongs_to(page, "SRE", tiles=0)
    other = page.context.new_page()
    other.goto(f"{ward.url}/console/")
    expect(other.locator(".light")).to_contain_text("Live")
    late: list[str] = []

    def answer(route: Route) -> None:
        if late:
            return route.fallback()
        late.append("401")
        other.evaluate("localStorage.setItem('nightlamp.signed-in', 'now')")
        return route.fulfill(status=401, body="")

    page.route(SESSION, answer)
    until(lambda: page.evaluate("localStorage.getItem('nightlamp.signed-in')") == "now")
    for _ in range(3):  # A locked one asks nobody.
        page.wait_for_event("request", lambda asked: asked.url.endswith("/session"))
    expect(page.get_by_role("heading", name="Locked")).to_have_count(0)
    page.unroute_all(behavior="ignoreErrors")


def test_a_unit_chosen_by_one_person_hides_nobody_from_the_next(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3, unit="ICU"), script.patient(1, 2, 2, unit="WARD-B"))
    enter(page, ward, "charge_nurse")
    page.get_by_label("Unit").select_option("ICU")
    expect(page.locator(".tile")).to_have_count(1)
    page.reload()
    expect(tile(page, 1)).to_be_visible()
    expect(tile(page, 2)).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token or key").fill("bound")
    page.get_by_role("button", name="Sign in").click()
    expect(tile(page, 2)).to_be_visible()
    expect(page.get_by_label("Unit")).to_have_value("")


# The same key too: a one-time token has the id of who issued it, and so may two persons.
@pytest.mark.parametrize("following", ["physician", "charge_nurse"])
def test_a_unit_chosen_before_a_locked_page_was_left_hides_nobody_from_the_next(
    page: Page, ward: WardServer, following: str
) -> None:
    ward.offer(script.patient(1, 1, 3, unit="ICU"), script.patient(1, 2, 2, unit="WARD-B"))
    enter(page, ward, "charge_nurse")
    page.get_by_label("Unit").select_option("ICU")
    expect(page.locator(".tile")).to_have_count(1)
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    page.reload()
    page.get_by_label("Token or key").fill(following)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.get_by_label("Unit")).to_have_value("")


def test_a_chosen_unit_that_empties_stays_chosen_and_is_to_be_seen(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3, unit="ICU"), script.patient(1, 2, 2, unit="WARD-B"))
    enter(page, ward, "charge_nurse")
    unit = page.get_by_label("Unit")
    unit.select_option("ICU")
    expect(page.locator(".tile")).to_have_count(1)
    ward.offer(script.left(2, 1, unit="ICU"))
    expect(page.locator(".empty")).to_contain_text("Nobody is in ICU now")
    expect(unit).to_have_value("ICU")
    expect(unit.locator("option:checked")).to_have_text("ICU (0)")


def refuse_the_next_question(page: Page) -> None:
    """The server fails the next time it is asked whose session it is, once a token was taken."""
    state = {"taken": False, "failed": False}

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            state["taken"] = True
        elif route.request.method == "GET" and state["taken"] and not state["failed"]:
            state["failed"] = True
            return route.fulfill(status=503, body="")
        return route.fallback()

    page.route(SESSION, answer)


def test_a_token_that_was_taken_is_not_shown_again_when_the_next_answer_fails(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3))
    refuse_the_next_question(page)
    page.goto(f"{ward.url}/console/#token=once!")
    belongs_to(page, "Nurse", tiles=1)
    page.unroute_all(behavior="ignoreErrors")


def test_a_key_that_unlocked_is_not_asked_for_again_when_the_next_answer_fails(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3))
    enter(page, ward, "once")
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    refuse_the_next_question(page)
    page.get_by_label("Token or key").fill("once!")
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("heading", name="Locked")).to_have_count(0)
    belongs_to(page, "Nurse", tiles=1)
    page.unroute_all(behavior="ignoreErrors")
