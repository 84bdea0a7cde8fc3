"""What the board shows where the stream and the database differ, and where a lowered alert stands."""

import ward_script as script
from playwright.sync_api import Page, Route, expect
from ward_server import WardServer


def open_board(page: Page, ward: WardServer) -> None:
    page.goto(f"{ward.url}/console/#token=once")
    expect(page.locator(".light")).to_contain_text("Live")


def test_a_patient_whose_alert_was_lowered_moves_down(page: Page, ward: WardServer) -> None:
    high = script.opened(1, "high", "NEWS2 9 reached 7") | {"state": "open"}
    medium = script.opened(2, "medium", "NEWS2 6 reached 5") | {"state": "open"}
    ward.offer(script.patient(1, 1, 5, alerts=[high]), script.patient(2, 2, 6, alerts=[medium]))
    open_board(page, ward)
    expect(page.locator(".tile .bed")).to_contain_text(["01", "02"])
    ward.offer(script.patient(3, 1, 5, alerts=[high | {"severity": "medium"}]))
    expect(page.locator(".tile .bed")).to_contain_text(["02", "01"])


def test_an_older_list_of_the_database_does_not_undo_what_the_stream_told(page: Page, ward: WardServer) -> None:
    held: list[Route] = []
    page.route("**/v1/alerts?*", lambda asked: held.append(asked))
    ward.offer(script.patient(1, 1, 1))
    open_board(page, ward)
    feed = script.opened(2, "technical", "The EHR has been silent for 15 min")
    channel = script.opened(3, "technical", "The channel e-mail is dead")
    before = script.opened(1, "technical", "The broker has been silent for 15 min")
    expect(page.locator(".tile")).to_have_count(1)
    ward.offer(script.loose(2, feed))
    ward.offer(script.loose(4, feed, kind="cleared"), script.loose(5, channel))
    loose = page.locator(".alerts.loose li")
    expect(loose).to_contain_text(["The channel e-mail is dead"])
    # The database has heard neither that the one is over nor that the other began; it knows one from before.
    page.wait_for_timeout(300)
    assert held
    assert "patient=none" in held[0].request.url
    items = [
        {"alert_id": one["id"], "patient_id": None, "rule": one["rule"], "severity": "technical", "state": "open",
         "reason": one["reason"], "opened_at": "2026-11-21T20:00:00Z", "state_at": "2026-11-21T20:00:00Z"}
        for one in (before, feed)
    ]  # fmt: skip
    for route in held:
        route.fulfill(json={"items": items, "next_cursor": None})
    expect(loose).to_have_count(2)
    expect(loose.filter(has_text="The broker")).to_have_count(1)
    expect(loose.filter(has_text="The EHR")).to_have_count(0)
    expect(loose.filter(has_text="e-mail")).to_have_count(1)
    page.unroute_all(behavior="ignoreErrors")
