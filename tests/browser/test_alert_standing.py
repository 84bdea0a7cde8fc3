"""How an alert stands is told wherever it is shown: answered by whom, held back, and its steps."""

import re
from typing import Any

import ward_script as script
from playwright.sync_api import Page, expect
from waiting import until
from ward_server import WardServer

HELD = "nobody was notified (storm or quiet hours)"


def open_board(page: Page, ward: WardServer, token: str = "charge_nurse") -> None:
    page.goto(f"{ward.url}/console/#token={token}")
    expect(page.locator(".light")).to_contain_text("Live")


def step(seq: int, kind: str, **said: Any) -> dict[str, Any]:
    """One of `/v1/alerts/{id}`."""
    blank = {"by": "", "role": "", "to": "", "note": "", "unit": None, "bed": None, "held": False}
    return blank | {"seq": str(seq), "ordinal": 0, "kind": kind, "at": "2026-11-21T20:00:00Z"} | said


def test_an_alert_about_no_patient_tells_its_answer_and_its_steps_and_keeps_its_sentence(
    page: Page, ward: WardServer
) -> None:
    sentence = "The EHR has been silent for 15 min"
    silent = script.opened(2, "technical", sentence) | {"held": False}
    history = [step(2, "opened"), step(3, "acknowledged", by="n1gh7ing", role="nurse", note="the EHR is restarted")]
    page.route(
        f"**/v1/alerts/{silent['id']}", lambda asked: asked.fulfill(json={"history_cut": False, "history": history})
    )
    open_board(page, ward)
    ward.offer(script.patient(1, 1, 1), script.loose(2, silent))
    shown = page.locator(".alerts.loose li[data-severity]")
    expect(shown).to_have_attribute("data-answered", "false")
    # Each step has a sentence of its own; the alert's is that of its opening.
    said = silent | {"reason": "seen", "by": "n1gh7ing", "role": "nurse", "note": "the EHR is restarted"}
    ward.offer(script.loose(3, said, kind="acknowledged"))
    expect(shown).to_have_attribute("data-answered", "true")
    expect(shown.locator("> div > p").first).to_have_text(f"Technical {sentence}")
    standing = shown.locator(".standing")
    expect(standing).to_have_text(re.compile(r"Acknowledged by nurse \d+ s ago: the EHR is restarted\s+key n1gh7ing"))
    # A reminder changes no state: who answered still stands.
    ward.offer(script.loose(4, silent | {"reason": "still silent", "by": "", "role": ""}, kind="lowered"))
    ward.offer(script.patient(5, 2, 2))
    expect(page.locator(".tile")).to_have_count(2)
    expect(standing).to_contain_text("Acknowledged by nurse")
    shown.locator("summary").click()
    expect(shown.locator(".steps li")).to_contain_text(["opened", "acknowledged by nurse: the EHR is restarted"])
    page.unroute_all(behavior="ignoreErrors")


def test_the_sentence_of_an_alert_that_was_there_before_is_the_lists_though_the_stream_told_a_step_first(
    page: Page, ward: WardServer
) -> None:
    held: list[Any] = []
    page.route("**/v1/alerts?*", lambda asked: held.append(asked))
    silent = script.opened(1, "technical", "seen") | {"by": "n1gh7ing", "role": "nurse"}
    open_board(page, ward)
    ward.offer(script.patient(1, 1, 1))
    expect(page.locator(".tile")).to_have_count(1)
    ward.offer(script.loose(3, silent, kind="acknowledged"))
    expect(page.locator(".alerts.loose li")).to_have_count(1)
    listed = {
        "alert_id": silent["id"], "patient_id": None, "rule": silent["rule"], "severity": "technical", "state": "open",
        "reason": "The EHR is silent", "opened_at": "2026-11-21T20:00:00Z", "state_at": "2026-11-21T20:00:00Z",
    }  # fmt: skip
    assert until(lambda: page.evaluate("1") and held, within_s=30)
    for route in held:
        route.fulfill(json={"items": [listed], "next_cursor": None})
    expect(page.locator(".alerts.loose li")).to_contain_text("The EHR is silent")
    expect(page.locator(".alerts.loose .standing")).to_contain_text("Acknowledged by nurse")
    page.unroute_all(behavior="ignoreErrors")


def test_an_alert_that_was_held_back_says_that_nobody_was_notified_until_somebody_answers(
    page: Page, ward: WardServer
) -> None:
    alert = script.opened(1, "medium", "NEWS2 6 reached 5") | {"held": True, "state": "open"}
    told = script.opened(2, "medium", "NEWS2 5 reached 5") | {"held": False, "state": "open"}
    ward.offer(script.patient(1, 1, 6, alerts=[alert]), script.patient(1, 2, 5, alerts=[told]))
    open_board(page, ward)
    standing = page.locator(".tile .standing")
    expect(standing).to_have_count(1)
    expect(standing).to_contain_text(f"Held back at first: {HELD}")
    expect(standing.locator(".shape")).to_be_visible()
    page.get_by_role("button", name="List").click()
    flag = page.locator(f'tr[data-patient="{script.patient_id(1)}"] .flag')
    expect(flag).to_contain_text("nobody notified at first")
    expect(flag.locator(".held .shape")).to_be_visible()
    expect(page.locator(".flag .held")).to_have_count(1)
    seen = alert | {"state": "acknowledged", "role": "nurse", "by": "n1gh7ing", "changed_ms": script.now_ms()}
    ward.offer(script.patient(3, 1, 6, alerts=[seen]))
    expect(flag).to_contain_text("acknowledged")
    expect(page.locator(".flag .held")).to_have_count(0)


def test_the_history_says_which_steps_nobody_was_notified_of_and_by_which_key_one_was_made(
    page: Page, ward: WardServer
) -> None:
    ward.offer(script.patient(1, 1, 6))
    person = {"patient_id": script.patient_id(1), "unit": "ICU-1", "bed": "01", "age_years": 70, "sex": "F",
              "identity": None, "admitted_at": None}  # fmt: skip
    base = {"severity": "medium", "state": "acknowledged", "opened_at": "2026-11-21T20:00:00Z", "cleared_at": None,
            "acknowledged_at": None, "history_cut": False}  # fmt: skip
    steps = [step(2, "opened", held=True), step(3, "acknowledged", by="n1gh7ing", role="nurse")]
    alerts = [
        base | {"alert_id": "1", "reason": "with steps", "held": True, "history": steps},
        base | {"alert_id": "2", "reason": "with one", "held": True, "state": "open", "history": steps[:1]},
        base | {"alert_id": "3", "reason": "not held", "held": False, "state": "open", "history": []},
    ]
    page.route(re.compile("/v1/patients/[0-9a-f-]{36}$"), lambda asked: asked.fulfill(json=person))
    page.route("**/v1/alerts?*", lambda asked: asked.fulfill(json={"items": alerts, "next_cursor": None}))
    open_board(page, ward)
    page.locator(".tile h2 a").click()
    entry = page.locator(".history ol > li")
    expect(entry).to_have_count(3)
    expect(entry.nth(0).locator(".steps li")).to_contain_text(
        [f"opened; {HELD}", re.compile(r"acknowledged by nurse\s+key n1gh7ing")]
    )
    expect(entry.nth(1)).to_contain_text(f"waits for an answer; {HELD}")
    expect(entry.nth(2)).not_to_contain_text(HELD)
    page.unroute_all(behavior="ignoreErrors")


def test_two_of_the_same_role_are_told_apart_by_key_for_who_may_see_names_on_a_narrow_screen_too(
    page: Page, ward: WardServer
) -> None:
    seen = script.opened(1, "high", "NEWS2 9 reached 7 (7 of 7 items)") | {
        "state": "acknowledged", "role": "charge_nurse", "by": "n1gh7ing", "note": "on my way",
        "changed_ms": script.now_ms() - 240_000,
    }  # fmt: skip
    ward.offer(script.patient(1, 1, 9, alerts=[seen]))
    page.set_viewport_size({"width": 390, "height": 844})
    open_board(page, ward)
    standing = page.locator(".tile .standing")
    expect(standing).to_have_text(re.compile(r"Acknowledged by charge nurse [4-9] min ago: on my way\s+key n1gh7ing"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert standing.evaluate("p => p.scrollWidth <= p.clientWidth + 1")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token or key").fill("once")
    page.get_by_role("button", name="Sign in").click()
    expect(standing).to_contain_text(re.compile("Acknowledged by charge nurse [4-9] min ago: on my way"))
    expect(standing).not_to_contain_text("n1gh7ing")
