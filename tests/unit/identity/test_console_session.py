"""`/v1/console/session` over real sessions and keys: what counts as use, and what the cookie says."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from nightlamp import errors
from nightlamp.http_app import _secure
from nightlamp.identity import api
from nightlamp.identity.access import Access
from nightlamp.identity.keys import KeyFile
from nightlamp.identity.roles import Role
from nightlamp.identity.sessions import COOKIE, Sessions
from nightlamp.not_stored import NotStored
from nightlamp.settings import Settings

PATH = "/v1/console/session"


class House:
    """The routes over a clock that is set by hand."""

    def __init__(self, folder: Path, secure: bool | None = None) -> None:
        self.now = 1_000.0
        keys = KeyFile(folder / "keys.json")
        _, self.key = keys.create(Role.NURSE)
        app = FastAPI()
        app.state.access = Access(keys, Sessions(60, 36_000, lambda: self.now, idle_s=900))
        errors.install(app)
        app.add_middleware(NotStored)
        app.include_router(api.router(900, secure=secure))
        self.app = app

    def client(self, url: str = "http://ward") -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=url)

    async def browser(self) -> httpx.AsyncClient:
        """Signed in."""
        browser = self.client()
        assert (await browser.post(PATH, json={"token": self.key})).status_code == 204
        return browser


async def test_a_page_that_only_asks_is_signed_out_after_the_idle_limit_and_one_in_use_is_not(tmp_path: Path) -> None:
    house = House(tmp_path)
    asking, used = await house.browser(), await house.browser()
    for _ in range(20):
        house.now += 60
        await asking.get(PATH)
        assert (await used.post(f"{PATH}/seen")).status_code == 204
    assert (await asking.get(PATH)).status_code == 401
    assert (await asking.post(f"{PATH}/seen")).status_code == 401
    assert (await used.get(PATH)).status_code == 200
    house.now += 900 + 200
    assert (await used.get(PATH)).status_code == 401


async def test_who_signs_in_anew_ends_the_session_there_was(tmp_path: Path) -> None:
    house = House(tmp_path)
    browser = await house.browser()
    before = browser.cookies[COOKIE]
    assert (await browser.post(PATH, json={"token": "nl_wrong"})).status_code == 401
    assert (await browser.get(PATH)).status_code == 200, "a token nobody knows ends nothing"
    assert (await browser.post(PATH, json={"token": house.key})).status_code == 204
    assert (await browser.get(PATH)).status_code == 200
    old = house.client()
    old.cookies.set(COOKIE, before)
    assert (await old.get(PATH)).status_code == 401


@pytest.mark.parametrize(
    ("setting", "console_url", "url", "secure"),
    [
        ("auto", "", "http://ward", False),
        ("auto", "", "https://ward", True),
        ("auto", "https://ward.example", "http://ward", True),
        ("auto", "http://ward.example", "http://ward", False),
        ("always", "", "http://ward", True),
        ("never", "https://ward.example", "http://ward", False),
    ],
)
async def test_the_cookie_is_for_tls_only_where_the_public_address_has_it(
    tmp_path: Path, setting: str, console_url: str, url: str, secure: bool
) -> None:
    settings = Settings.model_validate(
        {"console": {"cookie_secure": setting}, "notify": {"console_url": console_url}, "data_dir": str(tmp_path)}
    )
    house = House(tmp_path, secure=_secure(settings))
    answer = await house.client(url).post(PATH, json={"token": house.key})
    said = answer.headers["set-cookie"].lower()
    assert ("; secure" in said) == secure
    assert "httponly" in said
    assert "samesite=strict" in said


async def test_no_answer_of_the_api_may_be_kept_by_a_cache_nor_a_refusal(tmp_path: Path) -> None:
    browser = await House(tmp_path).browser()
    for path in (PATH, f"{PATH}/nothing", "/v1/nothing"):
        assert (await browser.get(path)).headers["cache-control"] == "no-store"
    browser.cookies.clear()
    assert (await browser.get(PATH)).status_code == 401
    assert (await browser.get(PATH)).headers["cache-control"] == "no-store"
