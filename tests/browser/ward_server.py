"""The small server of `ward_app.py` as a process that can be killed, frozen and started again."""

import multiprocessing
import os
import signal
import socket
import time
from multiprocessing.context import ForkServerProcess as Process

import httpx
import ward_app
from ward_script import Tuple

FORKS = multiprocessing.get_context("forkserver")
# What ward_app.py imports; the module itself lies outside the fork server's path.
FORKS.set_forkserver_preload(["uvicorn", "fastapi", "nightlamp.publish", "nightlamp.console"])


class WardServer:
    """`ward_app.py` as a process of its own, always on the same port. Forked, so that its imports are paid for once."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: Process | None = None

    def start(self) -> None:
        self._process = FORKS.Process(target=ward_app.serve, args=(self.port,), daemon=True)
        self._process.start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(self.url + "/console/").raise_for_status()
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def freeze(self) -> None:
        """Stop without closing a socket: what a hung server looks like."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def hold_sign_ins(self, held: bool) -> None:
        """The answers to who signs in stay back, though the session there was has ended."""
        httpx.post(self.url + "/test/hold", json={"held": held}).raise_for_status()

    def offer(self, *messages: Tuple) -> None:
        httpx.post(self.url + "/test/offer", json=messages).raise_for_status()
