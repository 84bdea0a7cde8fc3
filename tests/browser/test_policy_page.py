"""The policy page tells the policy in force in full and keeps up with it; what could not be read is said and stays."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from running_server import RunningServer, start_server

#: Every key that a rule, a condition and a chain may have, with times that no rounding leaves as they are.
FULL = """
[[rule]]
name = "news2-high"
cause = "news2"
score = "news2"
label = "NEWS2"
severity = "high"
enter = 7
clear = 4
clear_evaluations = 3
min_present = 2
clear_min_present = 5
lockout_s = 5000
downgrade_s = 150
optional = true

[[rule]]
name = "shock"
severity = "high"
clear_evaluations = 2
when = { all = [
  { signal = "MAP", below = 65, clear = 70, for_s = 600, stale_s = 90 },
  { signal = "Lactate", rising_by = 1.5, within_s = 14400, stale_s = 172800 },
] }

[[escalation]]
severity = "high"
units = ["ICU"]
steps = [{ after_s = 90, to = "charge_nurse" }]

[[escalation]]
severity = "high"
steps = [{ after_s = 150, to = "physician" }]
repeat_s = 3661
expire_s = 604800
"""
OTHER = '[[rule]]\nname = "later"\nscore = "news2"\nseverity = "low"\nenter = 9\nclear = 1\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with that policy; one test loads another."""
    folder: Path = tmp_path_factory.mktemp("house")
    (folder / "policy.toml").write_text(FULL)
    server = start_server(folder, POLICY_FILE=str(folder / "policy.toml"))
    yield server
    server.stop()


def sign_in(page: Page, server: RunningServer, role: str, place: str) -> None:
    page.clock.install()
    page.goto(f"{server.url}/console/#token={server.keys[role]}")
    page.get_by_role("link", name=place).click()
    expect(page.get_by_role("heading", level=1, name=re.compile(place, re.IGNORECASE))).to_be_visible()


def later(page: Page) -> None:
    """So long after that every part of the page has asked again."""
    page.clock.fast_forward(20_000)


def test_every_key_of_a_policy_is_said_and_every_time_exactly(page: Page, house: RunningServer) -> None:
    sign_in(page, house, "nurse", "Policy")
    rules = page.locator(".rules > li")
    expect(rules.nth(0)).to_contain_text(
        "Opens at 7 or more; ends at 4 or less, 3 times running; then silent for 1 h 23 min 20 s; "
        "goes down to a less severe rule after 2 min 30 s; only with 2 inputs or more; ends only on 5 inputs or more; "
        "one alert per patient with all rules of the cause news2; left out where its score is not loaded; "
        "in every unit."
    )
    expect(rules.nth(1)).to_contain_text(
        "Opens while Mean pressure is below 65 for 10 min (until 70, unknown when older than 1 min 30 s) "
        "and Lactate rises by 1.5 within 4 h (unknown when older than 48 h); "
        "ends once that is known to be over, 2 times running; in every unit."
    )
    chains = page.locator(".chains > li")
    expect(chains.nth(0)).to_contain_text(re.compile("in ICU.*after 1 min 30 s to Charge nurse", re.DOTALL))
    expect(chains.nth(1)).to_contain_text(re.compile("after 2 min 30 s to .*again every 1 h 1 min 1 s.*until 7 d"))


def test_a_simulation_that_cannot_be_read_says_so_stays_and_goes_on(page: Page, house: RunningServer) -> None:
    sign_in(page, house, "data_scientist", "Policy")
    card = page.locator(".simulation")
    expect(card).to_contain_text("No policy was tried yet")
    page.route("**/v1/policy/simulation", lambda route: route.abort())
    later(page)
    expect(card.get_by_role("alert")).to_contain_text("The server does not answer. What is shown here is of ")
    expect(card).to_contain_text("No policy was tried yet")
    page.unroute("**/v1/policy/simulation")
    later(page)
    expect(card.get_by_role("alert")).to_have_count(0)
    with house.client("data_scientist") as scientist:
        scientist.post("/v1/policy/simulate", json={"text": OTHER}).raise_for_status()
    expect(card).to_contain_text("Of those in both the candidate opens", timeout=60_000)


def test_models_that_could_not_be_read_at_first_come_without_a_reload(page: Page, house: RunningServer) -> None:
    page.route("**/v1/models", lambda route: route.abort())
    sign_in(page, house, "sre", "Operations")
    card = page.locator(".card", has_text="What scores here")
    expect(card.get_by_role("alert")).to_have_text("The server does not answer.")
    page.unroute("**/v1/models")
    later(page)
    expect(card.locator("li", has_text="news2").first).to_be_visible()
    expect(card.get_by_role("alert")).to_have_count(0)


def test_the_page_follows_the_policy_in_force_and_keeps_it_where_no_answer_comes(
    page: Page, house: RunningServer
) -> None:
    sign_in(page, house, "nurse", "Policy")
    rules, changes = page.locator(".rules > li"), page.get_by_role("region", name="Changes of the alert policy")
    expect(rules).to_have_count(2)
    page.route("**/v1/policy", lambda route: route.abort())
    with house.client("admin") as admin:
        loaded = admin.put("/v1/policy", json={"text": OTHER, "note": "quieter"}).raise_for_status().json()["sha256"]
    later(page)
    head = page.locator(".tools ~ .note").first
    expect(head).to_contain_text("The server does not answer. What is shown here is of ")
    expect(rules).to_have_count(2)
    page.unroute("**/v1/policy")
    later(page)
    expect(rules).to_have_count(1)
    expect(rules).to_contain_text("later")
    expect(page.locator(".tools")).to_contain_text(f"SHA-256 {loaded[:12]}")
    expect(page.get_by_text("“quieter”")).to_be_visible()
    expect(changes).to_contain_text("quieter", timeout=30_000)
