"""`nightlamp demo`: a server with embedded parts and a simulated ward beside it, which tell their story by themselves.

Everything runs in a temporary folder on this machine: both are child processes that die with this one, notifications go
to receivers of this process. Ctrl-C ends the ward first, then the server, and removes the folder.
"""

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .terminal import err, fail, out

if TYPE_CHECKING:
    from nightlamp.demo.director import Wish
    from nightlamp.demo.house import House

WARD = "nightlamp-loadtest"
#: At least so many patients deteriorate: one is answered, one ignored, one more for the nurse's round.
DETERIORATE_MIN, DETERIORATING = 3, 0.15


def demo(
    beds: Annotated[int, typer.Option(min=4, max=500, help="Beds of the simulated ward.")] = 40,
    speed: Annotated[float, typer.Option(help="How much faster than the clock the physiology runs.")] = 20.0,
    hurry: Annotated[float, typer.Option(help="How much sooner and faster patients deteriorate.")] = 2.5,
    pace: Annotated[float, typer.Option(min=0.1, max=10, help="How much shorter people are waited for.")] = 1.0,
    port: Annotated[int, typer.Option(help="HTTP port; 0 lets the system choose.")] = 8600,
    seconds: Annotated[
        int, typer.Option(min=0, help="Stop after this long, with 1 where a chapter is missing; 0 runs until Ctrl-C.")
    ] = 0,
    once: Annotated[bool, typer.Option("--once", help="Stop when the story is told, the same way.")] = False,
    kill: Annotated[bool, typer.Option("--kill", help="A last chapter: the server is killed with -9.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the data folder behind.")] = False,
) -> None:
    """A simulated ward on this machine that tells its story in five minutes; prints the console's address."""
    from nightlamp.demo.director import ChildEnded, Wish, play
    from nightlamp.demo.house import House
    from nightlamp.demo.pace import Pace
    from nightlamp.own_server import ServerFailed

    ward = _ward_binary()
    folder = Path(tempfile.mkdtemp(prefix="nightlamp-demo-"))
    house = House(folder, ward, beds, speed, Pace(pace))
    wish = Wish(port, seconds, once, kill, max(DETERIORATING, DETERIORATE_MIN / beds), hurry)
    whole = True
    try:
        err.print("starting PostgreSQL, Redis and the server ...")
        whole = asyncio.run(play(house, wish, out, lambda: _welcome(house, wish)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass
    except (ServerFailed, ChildEnded) as failed:
        fail(str(failed))
    finally:
        house.stop()
        if keep:
            err.print(f"the demo's data are in {folder}", highlight=False)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    err.print("everything is stopped")
    if not whole:
        raise typer.Exit(1)


def _ward_binary() -> str:
    """The simulated ward: beside the checkout, or on the PATH."""
    built = Path(__file__).resolve().parents[3] / "target" / "release" / WARD
    found = str(built) if built.is_file() else shutil.which(WARD)
    if found is None:
        fail(f"{WARD} is not built: run `make demo` in a checkout, or `cargo build --release -p {WARD}`")
    return found


def _welcome(house: "House", wish: "Wish") -> None:
    """What runs where, before the story begins."""
    nurse, admin = (_console_token(house.url, house.keys["admin"], role) for role in ("charge_nurse", "admin"))
    for name, text in (
        ("console", f"[bold]{house.url}/console/#token={nurse}[/]"),
        ("", "(as a charge nurse; the token works once, for a few minutes: open it now and watch both)"),
        ("", f"{house.url}/console/#token={admin}"),
        ("", "(as an administrator, with the operations page: in a private window)"),
        ("ward", f"{house.beds} beds, physiology {house.speed:g} times faster than the clock, deteriorations"),
        ("", f"another {wish.hurry:g} times faster; some patients fall ill by themselves"),
        ("policy", house.pace.in_words()),
        ("channels", "ward-mail (SMTP) and pager (webhook), real sockets of this program; what arrives is shown below"),
        ("data", f"{house.folder} (gone when the demo stops)"),
        ("", "Ctrl-C stops everything. Research software, not a medical device."),
    ):
        out.print(f"  {name:9} {text}", highlight=False)
    out.print()


def _console_token(url: str, key: str, role: str) -> str:
    """A one-time token for this role."""
    import urllib.request

    request = urllib.request.Request(  # noqa: S310 (our own loopback address)
        f"{url}/v1/console/tokens",
        data=json.dumps({"role": role}).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return str(json.load(answer)["token"])
