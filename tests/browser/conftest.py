"""Chromium as Debian ships it, through Playwright; a small real server that can be killed and started again."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from ward_script import Tuple

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class WardServer:
    """`ward_app.py` as a process of its own, always on the same port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = [sys.executable, str(Path(__file__).with_name("ward_app.py")), str(self.port)]
        self._process = subprocess.Popen(program)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(self.url + "/console/").raise_for_status()
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop without closing a socket: what a hung server looks like."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def offer(self, *messages: Tuple) -> None:
        httpx.post(self.url + "/test/offer", json=messages).raise_for_status()


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
