"""Time alone makes no score: one whose inputs fell silent tells its age and is greyed, like the vital signs."""

import json
import re

import ward_script as script
from playwright.sync_api import Page, expect
from ward_server import WardServer

HOUR_MS = 3_600_000


def open_board(page: Page, ward: WardServer) -> None:
    page.goto(f"{ward.url}/console/#token=once")
    expect(page.locator(".light")).to_contain_text("Live")


def silent_since(ms: int, message: script.Tuple) -> script.Tuple:
    """The same message as if it had come so long ago."""
    kind, unit, who, cursor, text = message
    body = json.loads(text)
    for told in (body, *body["vitals"].values(), *body["scores"].values(), *body["spark"].values()):
        told["at_ms"] -= ms
    return kind, unit, who, cursor, json.dumps(body)


def of(number: int) -> str:
    return f'[data-patient="{script.patient_id(number)}"]'


def test_scores_of_a_silent_monitor_tell_their_age_and_are_greyed_on_tile_list_and_page(
    page: Page, ward: WardServer
) -> None:
    ward.offer(silent_since(6 * HOUR_MS, script.patient(1, 1, 8, risk=0.4)), script.patient(1, 2, 8, risk=0.4))
    open_board(page, ward)
    old, fresh = page.locator(f".tile{of(1)}"), page.locator(f".tile{of(2)}")
    for place in (".news2", ".sepsis"):
        expect(old.locator(place)).to_have_attribute("data-old", "true")
        expect(old.locator(place)).to_contain_text("6 h old")
    ink = "e => getComputedStyle(e).color"
    assert old.locator(".news2").evaluate(ink) != fresh.locator(".news2").evaluate(ink)
    expect(fresh.locator(".news2")).to_have_attribute("data-old", "false")
    expect(fresh.locator(".news2, .sepsis").filter(has_text="old")).to_have_count(0)
    page.get_by_role("button", name="List").click()
    row = page.locator(f"tr{of(1)}")
    expect(row.locator(".news2")).to_contain_text("6 h old")
    expect(row.locator("td[data-label=Sepsis]")).to_have_text(re.compile(r"40 %\s*6 h old"))
    expect(row.locator("td[data-label=Sepsis]")).to_have_class(re.compile("stale"))
    expect(page.locator(f"tr{of(2)} td[data-label=Sepsis]")).to_have_text(re.compile(r"^40 %\s*$"))
    too_wide = "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML)"
    assert row.locator("td:not(.who)").evaluate_all(too_wide) == []
    row.get_by_role("link").click()
    expect(page.locator(".person .news2")).to_have_attribute("data-old", "true")
    expect(page.locator(".person .news2")).to_contain_text("6 h old")


def test_a_score_grows_old_with_no_message_coming(page: Page, ward: WardServer) -> None:
    ward.offer(silent_since(97_000, script.patient(1, 1, 3)), silent_since(117_000, script.patient(1, 2, 4)))
    open_board(page, ward)
    for place in (".news2", ".sepsis"):
        expect(page.locator(f".tile{of(1)} {place}")).to_contain_text(re.compile(r"\d min old"))
        expect(page.locator(f".tile{of(2)} {place}")).to_have_attribute("data-old", "true")


def test_which_way_something_went_is_not_told_half_an_hour_later(page: Page, ward: WardServer) -> None:
    minute = 60_000
    ward.offer(silent_since(40 * minute, script.patient(1, 1, 4)), script.patient(1, 2, 4))
    open_board(page, ward)
    expect(page.locator(".tile")).to_have_count(2)
    ward.offer(silent_since(31 * minute, script.patient(2, 1, 8)), script.patient(2, 2, 8))
    rising = page.locator(f".tile{of(2)}")
    expect(rising.locator(".news2 .arrow")).to_have_text(re.compile("rising"))
    expect(rising.locator(".vitals tr", has_text="Temp").locator(".arrow")).to_have_count(1)
    old = page.locator(f".tile{of(1)}")
    expect(old.locator(".news2 .number")).to_have_text("8")
    expect(old.locator(".arrow")).to_have_count(0)
