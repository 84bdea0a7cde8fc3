"""`nightlamp demo`: a server with embedded parts and a simulated ward beside it, in a temporary folder on this machine.

Both are child processes that die with this one; Ctrl-C ends the ward first, then the server, and removes the folder.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from .terminal import err, fail, out

WARD = "nightlamp-loadtest"


def demo(
    beds: Annotated[int, typer.Option(help="Beds of the simulated ward.")] = 40,
    speed: Annotated[float, typer.Option(help="How much faster than the clock the physiology runs.")] = 20.0,
    port: Annotated[int, typer.Option(help="HTTP port; 0 lets the system choose.")] = 8600,
    seconds: Annotated[int, typer.Option(help="Stop after this long; 0 runs until Ctrl-C.")] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the data folder behind.")] = False,
) -> None:
    """A simulated ward of 40 patients on this machine; prints the console's address."""
    ward = _ward_binary()
    signal.signal(signal.SIGTERM, _interrupted)
    folder = Path(tempfile.mkdtemp(prefix="nightlamp-demo-"))
    try:
        with _running(folder, ward, beds, speed, port) as children:
            _watch(children, seconds)
    except KeyboardInterrupt:
        pass
    finally:
        if keep:
            err.print(f"the demo's data are in {folder}", highlight=False)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    err.print("everything is stopped")


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def _ward_binary() -> str:
    """The simulated ward: beside the checkout, or on the PATH."""
    built = Path(__file__).resolve().parents[3] / "target" / "release" / WARD
    found = str(built) if built.is_file() else shutil.which(WARD)
    if found is None:
        fail(f"{WARD} is not built: run `make demo` in a checkout, or `cargo build --release -p {WARD}`")
    return found


@contextmanager
def _running(folder: Path, ward: str, beds: int, speed: float, port: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The server and the ward; both are gone when the block ends."""
    from nightlamp import own_server
    from nightlamp.identity.keys import KeyFile
    from nightlamp.identity.roles import Role

    keys = KeyFile(folder / "keys.json")
    _, ehr = keys.create(Role("ehr"), note="demo: the simulated EHR")
    device, monitors = keys.create(Role("device"), note="demo: the simulated monitors")
    _, admin = keys.create(Role("admin"), note="demo: issues the console token")
    children: list[subprocess.Popen[bytes]] = []
    try:
        try:
            with err.status("starting PostgreSQL, Redis and the server ..."):
                server, said = own_server.start(folder, HTTP__PORT=str(port))
        except own_server.ServerFailed as failed:
            fail(str(failed))
        children.append(server)
        token = _console_token(said["http_url"], admin)
        environment = os.environ | {
            "NIGHTLAMP_EHR_KEY": ehr,
            "NIGHTLAMP_MQTT_USER": device.id,
            "NIGHTLAMP_MQTT_PASSWORD": monitors,
        }
        where = ["--http", said["http_url"], "--mqtt", f"127.0.0.1:{said['mqtt_port']}"]
        what = ["--beds", str(beds), "--speed", str(speed)]
        with (folder / "ward.log").open("wb") as log:
            children.append(own_server.child([ward, "ward", *what, *where], environment, log.fileno()))
        out.print(f"\n  console   [bold]{said['http_url']}/console/#token={token}[/]", highlight=False)
        out.print("            (the token works once, for a few minutes)", highlight=False)
        out.print(f"  beds      {beds}, physiology {speed:g} times faster than the clock; some deteriorate in minutes")
        out.print(f"  data      {folder} (gone when the demo stops)", highlight=False)
        out.print("  Ctrl-C stops everything. Research software, not a medical device.\n", highlight=False)
        yield children
    finally:
        own_server.end(children)


def _console_token(url: str, key: str) -> str:
    """A one-time token for a charge nurse."""
    import urllib.request

    request = urllib.request.Request(  # noqa: S310 (our own loopback address)
        f"{url}/v1/console/tokens",
        data=json.dumps({"role": "charge_nurse"}).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return str(json.load(answer)["token"])


def _watch(children: list[subprocess.Popen[bytes]], seconds: int) -> None:
    """Waits for the time, for Ctrl-C, or for a child that ends by itself."""
    until = time.monotonic() + seconds if seconds else float("inf")
    names = ("the server", "the simulated ward")
    while time.monotonic() < until:
        for name, child in zip(names, children, strict=True):
            if child.poll() is not None:
                fail(f"{name} ended by itself (run again with --keep and read its log)")
        time.sleep(0.2)
