"""Chromium as Debian ships it, through Playwright; a small real server that can be killed and started again."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from ward_server import WardServer

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser a module, not a session: while Playwright's loop lives, no asyncio test could run in this thread."""
    path = os.environ.get("NIGHTLAMP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("SKIPPED LOUDLY: no Chromium here (apt-get install chromium, or name one in NIGHTLAMP_CHROMIUM)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def ward() -> Iterator[WardServer]:
    server = WardServer()
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh browser context; a script error or a breach of the policy on the page fails the test."""
    expect.set_options(timeout=10_000)
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    found: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: found.append(str(error)))
    opened.on("console", lambda said: found.append(said.text) if "Content Security Policy" in said.text else None)
    yield opened
    context.close()
    assert found == []
