"""A nightlamp server of one's own for the time of one command: a process with embedded parts on a data folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

START_S_MAX, STOP_S_MAX = 90.0, 20.0


class ServerFailed(Exception):
    """The server did not start; the text holds the end of its log."""


def start(folder: Path, **settings: str) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """Starts a server with these settings (as in the environment, without NIGHTLAMP_) and none of the caller's own.

    Returns its process and what it says of itself (`http_url`, `mqtt_port`). Raises ServerFailed.
    """
    server = launch(folder, **settings)
    until = time.monotonic() + START_S_MAX
    while (found := said(folder, server)) is None:
        if time.monotonic() > until:
            end([server])
            raise _failed(folder)
        time.sleep(0.05)
    return server, found


def launch(folder: Path, **settings: str) -> subprocess.Popen[bytes]:
    """The bare process of a server, not ready yet; it logs to `server.log` in the folder, behind what is there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTLAMP_")} | {
        "NIGHTLAMP_DATA_DIR": str(folder),
        "NIGHTLAMP_HTTP__PORT": "0",
        "NIGHTLAMP_MQTT__LISTEN__PORT": "0",
        **{f"NIGHTLAMP_{name}": value for name, value in settings.items()},
    }
    (folder / "server.json").unlink(missing_ok=True)
    with (folder / "server.log").open("ab") as sink:
        return child([sys.executable, "-m", "nightlamp", "serve", "--quiet"], environment, sink.fileno())


def said(folder: Path, server: subprocess.Popen[bytes]) -> dict[str, str] | None:
    """What the server says of itself once it is ready; None before. Raises ServerFailed where it ended instead."""
    if (folder / "server.json").exists():
        return dict(json.loads((folder / "server.json").read_text()))
    if server.poll() is not None:
        raise _failed(folder)
    return None


def _failed(folder: Path) -> ServerFailed:
    log = (folder / "server.log").read_text()[-2_000:]
    return ServerFailed(f"the server did not start; the end of its log:\n{log}")


def child(argv: Sequence[str], environment: dict[str, str], log: int) -> subprocess.Popen[bytes]:
    """A process in a session of its own (Ctrl-C reaches us alone) that is ended by the kernel when we die."""
    guarded = ["setpriv", "--pdeathsig", "TERM", "--", *argv] if shutil.which("setpriv") else argv
    return subprocess.Popen(guarded, env=environment, stdout=log, stderr=log, start_new_session=True)  # noqa: S603


def end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """The last first, so that the server, which was first, drains; whoever does not end in time is killed."""
    for one in reversed(children):
        if one.poll() is None:
            one.send_signal(signal.SIGINT if one is not children[0] else signal.SIGTERM)
        try:
            one.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()
