"""Signing out and locking hold whatever the server does, and in all tabs of a browser; use is told to the server."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect
from waiting import until
from ward_script import patient
from ward_server import WardServer

SESSION = "**/v1/console/session"


@pytest.fixture
def board(page: Page, ward: WardServer) -> Iterator[Page]:
    """Signed in, with one patient on the board."""
    ward.offer(patient(1, 1, 3))
    page.goto(f"{ward.url}/console/#token=once")
    expect(page.locator(".tile")).to_have_count(1)
    yield page
    page.unroute_all(behavior="ignoreErrors")


def asks_for_a_token(page: Page) -> None:
    expect(page.get_by_label("Token or key")).to_be_visible(timeout=3_000)
    expect(page.locator(".tile").locator("visible=true")).to_have_count(0)


def without_delete(route: Route) -> None:
    if route.request.method == "DELETE":
        route.fulfill(status=500, body="")
    else:
        route.fallback()


def locking_after(seconds: int) -> object:
    """The small server knows no idle lock; this puts one into its answer."""

    def answer(route: Route) -> None:
        if route.request.method != "GET":
            return route.fallback()
        found = route.fetch()
        if not found.ok:
            return route.fulfill(response=found)
        return route.fulfill(json=found.json() | {"idle_lock_s": seconds})

    return answer


def test_who_left_is_not_let_in_again_while_the_server_has_not_ended_the_session(board: Page) -> None:
    context = board.context
    other = context.new_page()
    other.goto(board.url)
    expect(other.locator(".tile")).to_have_count(1)
    context.route(SESSION, without_delete)
    board.get_by_role("button", name="Lock").click()
    asks_for_a_token(board)
    asks_for_a_token(other)
    assert context.cookies(), "the server has not ended it"
    board.reload()
    asks_for_a_token(board)
    # It is told until it has answered; then somebody may come in as ever.
    context.unroute(SESSION)
    assert until(lambda: context.cookies() == [], within_s=8)
    board.get_by_label("Token or key").fill("once")
    board.get_by_role("button", name="Sign in").click()
    expect(board.locator(".tile")).to_have_count(1)
    board.reload()
    expect(board.locator(".tile")).to_have_count(1)


def test_a_server_that_hangs_keeps_no_ward_on_the_screen_of_who_leaves(board: Page, ward: WardServer) -> None:
    ward.freeze()
    try:
        board.get_by_role("button", name="Sign out").click()
        asks_for_a_token(board)
    finally:
        ward.thaw()
    assert until(lambda: board.context.cookies() == [], within_s=8)


def test_a_tab_nobody_touches_does_not_lock_the_one_in_use(board: Page) -> None:
    board.context.route(SESSION, locking_after(4))
    board.reload()
    board.context.new_page().goto(board.url)
    began = time.monotonic()
    while time.monotonic() - began < 6.0:
        board.mouse.move(100 + 50 * (time.monotonic() - began), 200)
        board.wait_for_timeout(200)
    for page in board.context.pages:
        expect(page.locator(".tile")).to_be_visible()
    # And once nobody touches either, both lock.
    for page in board.context.pages:
        expect(page.get_by_role("heading", name="Locked")).to_be_visible(timeout=12_000)


def test_the_server_is_told_of_use_once_a_minute_and_not_of_a_page_that_only_listens(board: Page) -> None:
    told: list[str] = []
    board.on("request", lambda asked: told.append(asked.method) if asked.url.endswith("/session/seen") else None)
    board.wait_for_timeout(1_000)
    assert told == []
    with board.expect_request("**/session/seen", timeout=10_000):
        for step in range(5):
            board.mouse.move(200, 200 + step)
            board.keyboard.press("Shift")
    board.wait_for_timeout(300)
    assert told == ["POST"]
