"""The ward board in a real browser: sorted by risk, live, honest when the server is gone."""

import re
import time
from datetime import UTC, datetime

import httpx
import pytest
import ward_script as script
from playwright.sync_api import Locator, Page, expect
from waiting import until
from ward_server import WardServer


def open_board(page: Page, ward: WardServer) -> None:
    page.goto(f"{ward.url}/console/#token=once")
    expect(page.locator(".light")).to_contain_text("Live")


def beds(page: Page) -> list[str]:
    return [text.removeprefix("Bed").strip() for text in page.locator(".tile .bed").all_inner_texts()]


def tile(page: Page, number: int) -> Locator:
    return page.locator(f'[data-patient="{script.patient_id(number)}"]')


def test_nobody_sees_the_board_without_a_token(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3))
    page.goto(f"{ward.url}/console/")
    expect(page.get_by_label("Token or key")).to_be_focused()
    page.get_by_label("Token or key").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("unknown, used or too old")
    assert page.locator(".tile").count() == 0
    page.get_by_label("Token or key").fill("once")
    page.get_by_role("button", name="Sign in").click()
    expect(tile(page, 1)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token or key")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Token or key")).to_be_visible()


def test_a_board_that_replays_a_recording_says_so(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 3))
    open_board(page, ward)
    expect(tile(page, 1)).to_be_visible()
    assert page.locator(".recording").count() == 0
    httpx.post(ward.url + "/test/recorded").raise_for_status()
    page.reload()
    expect(page.locator(".recording")).to_contain_text("Replaying a recording. This is not a live ward")


def test_the_token_does_not_stay_in_the_address(page: Page, ward: WardServer) -> None:
    open_board(page, ward)
    assert page.url == f"{ward.url}/console/"


def test_patients_stand_by_risk_alerts_first(page: Page, ward: WardServer) -> None:
    ward.offer(
        script.patient(1, 1, 0),
        script.patient(1, 2, 6),
        script.patient(1, 3, 3, risk=0.05),
        script.patient(1, 4, 3, risk=0.30),
        script.patient(1, 5, 5, alerts=[script.opened(1, "medium", "NEWS2 5 reached 5")]),
        script.patient(1, 6, 5, alerts=[script.opened(2, "high", "Sepsis risk 0.4 reached 0.15")]),
    )
    open_board(page, ward)
    expect(page.locator(".tile")).to_have_count(6)
    assert beds(page) == ["06", "05", "02", "04", "03", "01"]


def test_a_tile_says_in_words_what_it_shows_in_colour(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 7, 8, risk=0.62, alerts=[script.opened(1, "high", "NEWS2 8 reached 7")]))
    open_board(page, ward)
    shown = tile(page, 7)
    expect(shown.locator(".news2")).to_have_text(re.compile(r"8\s*High\s*NEWS2"))
    expect(shown.locator(".alerts")).to_contain_text("High NEWS2 8 reached 7")
    expect(shown.locator(".why")).to_contain_text("RR 26 +3")
    expect(shown.locator(".sepsis")).to_contain_text("62 %")
    expect(shown.locator(".vitals tbody tr")).to_have_count(5)
    expect(shown.locator(".spark path").first).to_have_attribute("d", re.compile("^M.*L"))


def test_an_alert_says_why_in_words_and_which_way(page: Page, ward: WardServer) -> None:
    words = ["lactate 3.4 mmol/L, 2 h old, rising from 2.1 in 24 h", "no creatinine measured", "age 74 years", "fourth"]
    reasons = [script.reason(text, share) for text, share in zip(words, (0.9, -0.4, 0.2, 0.1), strict=True)]
    model = script.opened(1, "high", "Sepsis risk 0.62 reached 0.15", explanation=reasons) | {"score": "sepsis"}
    rule = script.opened(
        2, "medium", "NEWS2 8 reached 7", explanation=[script.reason("respiration rate 28 /min, 5 s old", 3.0)]
    )
    ward.offer(script.patient(1, 7, 8, risk=0.62, alerts=[model, rule]))
    open_board(page, ward)
    first = tile(page, 7).locator(".why").first.locator("li")
    expect(first).to_have_count(3)
    expect(first.nth(0)).to_have_text(re.compile(rf"↑\s*raises the risk: \s*{words[0]}"))
    expect(first.nth(1)).to_have_text(re.compile(rf"↓\s*lowers the risk: \s*{words[1]}"))
    # On a tile reasons stand with the first alert that waits for an answer; the patient's page has them all.
    expect(tile(page, 7).locator(".why")).to_have_count(1)
    page.goto(f"{ward.url}/console/#/patient/{script.patient_id(7)}")
    expect(page.locator(".alerts .why").nth(1)).to_have_text(re.compile(r"\+3\s*respiration rate 28 /min, 5 s old"))


def test_why_says_what_the_server_cannot_tell(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 7, 8, risk=0.62))
    open_board(page, ward)
    tile(page, 7).get_by_role("button", name="Why this Sepsis risk").click()
    expect(tile(page, 7).locator(".answer")).to_contain_text("Not Found")


def test_a_missing_value_is_named_and_an_old_one_says_its_age(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 8, 4, drop=("Temp", "Consciousness"), old=("HR",), risk=None))
    open_board(page, ward)
    rows = tile(page, 8).locator(".vitals tbody tr")
    expect(rows.filter(has_text="Temp")).to_contain_text("missing")
    expect(rows.filter(has_text="HR")).to_contain_text("6 h old")
    expect(rows.filter(has_text="HR")).to_have_class("stale")
    expect(tile(page, 8).locator(".news2")).to_contain_text("5 of 7")
    expect(tile(page, 8).locator(".sepsis")).to_contain_text("not scorable")
    expect(tile(page, 8).locator(".state")).to_have_text(
        re.compile(r"Oxygen\s*on air\s*30 min\s*Consciousness\s*missing")
    )
    tile(page, 8).locator("summary", has_text="NEWS2 by item").click()
    expect(tile(page, 8).locator("details tbody tr")).to_have_count(7)
    expect(tile(page, 8).locator("details tr", has_text="Temperature")).to_contain_text("missing")


def test_an_update_changes_the_tile_in_place_and_moves_it(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 1, hr=71), script.patient(1, 2, 3))
    open_board(page, ward)
    expect(page.locator(".tile")).to_have_count(2)
    assert beds(page) == ["02", "01"]
    page.evaluate("id => { document.querySelector(`[data-patient='${id}']`).mark = 'same' }", script.patient_id(1))
    ward.offer(script.patient(2, 1, 6, hr=133))
    expect(tile(page, 1).locator(".vitals")).to_contain_text("133")
    expect(page.locator(".tile .bed").first).to_contain_text("01")
    assert page.evaluate("id => document.querySelector(`[data-patient='${id}']`).mark", script.patient_id(1)) == "same"


def test_ages_tick_without_messages(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 1))
    open_board(page, ward)
    age = tile(page, 1).locator(".vitals .age").first
    before = age.inner_text()
    expect(age).not_to_have_text(before)


def test_an_alert_shows_is_announced_and_rises_to_the_top(page: Page, ward: WardServer) -> None:
    ward.offer(*[script.patient(1, n, n) for n in range(1, 6)])
    open_board(page, ward)
    expect(page.locator(".tile .bed").first).to_contain_text("05")
    opening = script.opened(2, "high", "NEWS2 7 reached 7 (7 of 7 items)")
    ward.offer(script.patient(2, 1, 7, alerts=[opening]), script.alert(2, 1, opening))
    expect(page.locator(".tile .bed").first).to_contain_text("01")
    expect(page.get_by_role("status")).to_have_text("High alert, ICU-1 bed 01: NEWS2 7 reached 7 (7 of 7 items)")
    expect(page).to_have_title(re.compile(r"^\(1\)"))


def test_the_end_of_a_snooze_calls_unless_a_person_ended_it(page: Page, ward: WardServer) -> None:
    opening = script.opened(1, "high", "the snooze is over") | {"kind": "unsnoozed", "by": ""}
    ward.offer(script.patient(1, 1, 7, alerts=[opening]))
    open_board(page, ward)
    ward.offer(script.alert(2, 1, opening))
    said = "High alert unsnoozed, ICU-1 bed 01: the snooze is over"
    expect(page.get_by_role("status")).to_have_text(said)
    ward.offer(script.alert(3, 1, opening | {"by": "key-1", "reason": "I am here"}), script.patient(4, 1, 6))
    expect(tile(page, 1).locator(".news2")).to_contain_text("6")
    expect(page.get_by_role("status")).to_have_text(said)


def test_who_waits_for_an_answer_stands_above_who_has_one_and_the_answer_is_told(page: Page, ward: WardServer) -> None:
    seen = script.opened(1, "high", "NEWS2 9 reached 7") | {
        "state": "acknowledged", "role": "physician", "note": "on my way", "changed_ms": script.now_ms() - 240_000,
    }  # fmt: skip
    waits = script.opened(2, "high", "NEWS2 7 reached 7") | {"state": "escalated", "to": "charge_nurse", "level": 1}
    ward.offer(script.patient(1, 1, 9, alerts=[seen]), script.patient(1, 2, 7, alerts=[waits]))
    open_board(page, ward)
    expect(page.locator(".tile")).to_have_count(2)
    assert beds(page) == ["02", "01"]
    expect(tile(page, 1).locator(".standing")).to_have_text(
        re.compile(r"Acknowledged by physician 4 min ago: on my way")
    )
    expect(tile(page, 2).locator(".standing")).to_contain_text("Escalated to charge nurse")
    # Who may only read is offered nothing else.
    assert page.get_by_role("button", name="Acknowledge").count() == 0


def test_an_alert_about_no_patient_stands_above_the_tiles_until_it_is_over(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 1))
    open_board(page, ward)
    silent = script.opened(2, "technical", "The EHR has been silent for 15 min") | {"subject": "hl7_http:ehr"}
    ward.offer(script.loose(2, silent))
    expect(page.locator(".alerts.loose li")).to_contain_text("Technical The EHR has been silent")
    ward.offer(script.loose(3, silent, kind="cleared"))
    expect(page.locator(".alerts.loose")).to_have_count(0)


def test_a_patient_who_leaves_is_gone(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 1), script.patient(1, 2, 2))
    open_board(page, ward)
    expect(page.locator(".tile")).to_have_count(2)
    ward.offer(script.left(2, 1))
    expect(page.locator(".tile")).to_have_count(1)


def test_the_unit_filter_shows_one_unit(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 1, unit="ICU-1"), script.patient(1, 2, 2, unit="Ward 4"))
    open_board(page, ward)
    page.get_by_label("Unit").select_option("Ward 4")
    expect(page.locator(".tile")).to_have_count(1)
    assert beds(page) == ["02"]


def test_a_killed_server_is_told_within_three_seconds_and_the_page_recovers_without_reload(
    page: Page, ward: WardServer
) -> None:
    ward.offer(script.patient(1, 1, 1), script.patient(1, 2, 2))
    open_board(page, ward)
    page.evaluate("window.kept = true")
    ward.kill()
    expect(page.locator(".banner")).to_contain_text(re.compile(r"Server silent since \d\d:\d\d:\d\d"), timeout=3_000)
    expect(page.locator("#board")).to_have_class("silent")
    expect(page.locator(".tile")).to_have_count(2)
    ward.start()
    ward.offer(script.patient(1, 1, 1), script.patient(1, 3, 4))
    expect(page.locator(".banner")).to_have_count(0, timeout=20_000)
    expect(page.locator("#board")).not_to_have_class("silent")
    expect(page.locator(".tile")).to_have_count(2)
    assert beds(page) == ["03", "01"]
    assert page.evaluate("window.kept") is True


def test_a_server_that_hangs_without_closing_is_told_too(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 1, 1))
    page.clock.install()
    open_board(page, ward)
    ward.freeze()
    page.wait_for_timeout(500)  # what was on its way has arrived
    # The page's clock stands still then, a minute on, then goes by steps: a beat taken late only puts it off.
    silent_ms = page.evaluate("Date.now()")
    page.clock.pause_at(datetime.fromtimestamp((silent_ms + 60_000) / 1_000, UTC))
    told = page.locator(".banner", has_text="Server silent")
    for _ in range(10):
        if told.count() == 0:
            page.clock.run_for(1_000)
    expect(told).to_be_visible()
    page.clock.resume()
    ward.thaw()
    expect(page.locator(".banner")).to_have_count(0, timeout=20_000)


def test_the_keyboard_reaches_every_tile(page: Page, ward: WardServer) -> None:
    ward.offer(*[script.patient(1, n, 9 - n) for n in range(1, 9)])
    open_board(page, ward)
    expect(page.locator(".tile")).to_have_count(8)
    tile(page, 1).focus()
    page.keyboard.press("ArrowRight")
    expect(tile(page, 2)).to_be_focused()
    ward.offer(script.patient(2, 2, 9), script.patient(2, 1, 0))
    expect(page.locator(".tile .bed").first).to_contain_text("02")
    expect(tile(page, 2)).to_be_focused()
    page.keyboard.press("Tab")
    expect(tile(page, 2).get_by_role("link", name="Bed 02")).to_be_focused()
    page.keyboard.press("Tab")
    expect(tile(page, 2).get_by_role("button", name="Why this Sepsis risk")).to_be_focused()
    page.keyboard.press("Tab")
    expect(tile(page, 2).locator("summary", has_text="NEWS2 by item")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tile(page, 2).locator("details table")).to_be_visible()


def test_the_list_shows_the_same_ward_and_is_remembered(page: Page, ward: WardServer) -> None:
    opening = script.opened(1, "high", "NEWS2 8 reached 7")
    ward.offer(script.patient(1, 1, 1, drop=("Temp",)), script.patient(1, 2, 8, alerts=[opening], old=("HR",)))
    open_board(page, ward)
    page.get_by_role("button", name="List").click()
    rows = page.locator(".list tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text(re.compile(r"02 ICU-1.*8\s*High.*High NEWS2 8 reached 7.*6 h old", re.DOTALL))
    expect(rows.nth(1)).to_contain_text("missing")
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    page.reload()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Tiles").click()
    expect(page.locator(".tile")).to_have_count(2)


def test_a_value_says_which_way_it_goes(page: Page, ward: WardServer) -> None:
    ward.offer(script.patient(1, 7, 8))
    open_board(page, ward)
    rows = tile(page, 7).locator(".vitals tbody tr")
    expect(rows.filter(has_text="HR").locator(".arrow")).to_have_text(re.compile(r"↑\s*rising"))
    expect(rows.filter(has_text="SpO₂").locator(".arrow")).to_have_text(re.compile(r"↓\s*falling"))
    expect(tile(page, 7).locator(".news2 .arrow")).to_have_count(0)
    ward.offer(script.patient(2, 7, 9))
    expect(tile(page, 7).locator(".news2 .arrow")).to_have_text(re.compile(r"↑\s*rising"))


def test_a_high_alert_is_heard_once_touched_and_a_muted_board_says_so(page: Page, ward: WardServer) -> None:
    page.add_init_script(
        "window.tones = 0; const make = AudioContext.prototype.createOscillator;"
        "AudioContext.prototype.createOscillator = function () { window.tones += 1; return make.call(this); };"
    )
    ward.offer(script.patient(1, 1, 1))
    open_board(page, ward)
    sound = page.locator(".sound")
    page.locator(".brand").click()
    expect(sound).to_contain_text("Sound on")
    low = script.opened(2, "medium", "NEWS2 5 reached 5")
    ward.offer(script.patient(2, 1, 5, alerts=[low]), script.alert(2, 1, low))
    expect(tile(page, 1).locator(".alerts li")).to_have_count(1)
    assert page.evaluate("window.tones") == 0
    high = script.opened(3, "high", "NEWS2 7 reached 7")
    ward.offer(script.patient(3, 1, 7, alerts=[high]), script.alert(3, 1, high))
    assert until(lambda: page.evaluate("window.tones") == 3, within_s=10)
    sound.click()
    expect(sound).to_contain_text("Muted")
    again = script.opened(4, "high", "Sepsis risk 0.4 reached 0.1")
    ward.offer(script.patient(4, 1, 7, alerts=[again]), script.alert(4, 1, again))
    expect(page.get_by_role("status")).to_contain_text("Sepsis risk")
    assert page.evaluate("window.tones") == 3
    page.reload()
    expect(sound).to_contain_text("Muted")


@pytest.mark.parametrize("width", [390, 768, 1920])
def test_nothing_is_cut_off_at_any_width(page: Page, ward: WardServer, width: int) -> None:
    ward.offer(
        script.patient(1, 7, 8, alerts=[script.opened(1, "high", "NEWS2 8 reached 7 (7 of 7 items)")]),
        script.patient(1, 8, 8, unit="Neonatal Intensive Care Unit North-East, second floor"),
    )
    page.set_viewport_size({"width": width, "height": 844})
    open_board(page, ward)
    expect(tile(page, 7)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cells = tile(page, 7).locator(".vitals tbody td, .vitals tbody th, .alerts p, .news2")
    assert cells.evaluate_all("all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML)") == []
    page.get_by_role("button", name="List").click()
    expect(page.get_by_role("row", name="07").get_by_role("cell", name=re.compile("High NEWS2 8"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_two_hundred_patients_a_second_all_arrive(page: Page, ward: WardServer) -> None:
    ward.offer(*[script.patient(1, n, n % 7, hr=60) for n in range(1, 201)])
    open_board(page, ward)
    expect(page.locator(".tile")).to_have_count(200)
    for seq in range(2, 6):
        ward.offer(*[script.patient(seq, n, n % 7, hr=60 + seq) for n in range(1, 201)])
        time.sleep(0.5)
    expect(page.locator(".vitals tbody tr:first-child .value", has_text="65")).to_have_count(200, timeout=40_000)


def test_the_policy_lets_nothing_in_from_outside(ward: WardServer) -> None:
    answer = httpx.get(f"{ward.url}/console/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = httpx.get(f"{ward.url}/console/", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    for path in ("nothing.js", "../routes.py", "%2e%2e/routes.py", "vendor/README.md", ""):
        status = httpx.get(f"{ward.url}/console/{path}").status_code
        assert status == (200 if path == "" else 404), path
