"""HTTP: posts of the same bytes to nightlamp (durable, decoded, stored) and to empty handlers, as context for the
figure.

The empty handlers read the body and answer 200 with three bytes: a bare ASGI function, a Starlette route and a
FastAPI route with the raw body, each on uvicorn with uvloop and httptools, one worker. They keep nothing, so this is
no like for like: it shows what the framework alone takes on this machine. Same client, 64 connections, in turns.
"""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version

from nightlamp import __version__
from tests.bench.figures import Side, compare, skip
from tests.bench.http import CONNECTIONS, INCLUDED, nightlamp, requests, settled
from tests.bench.http_load import Client

KEY, WHAT, SECONDS = "http.peers", "POST of an ORU R01 with 3 OBX", 2.0
HANDLERS = {"bare ASGI": "uvicorn", "Starlette": "starlette", "FastAPI": "fastapi"}


def main() -> None:
    """Compare."""
    with contextlib.ExitStack() as parts:
        client, made = parts.enter_context(nightlamp())
        sides = [Side("nightlamp", __version__, settled(lambda: client.flood(made, SECONDS)), INCLUDED, True)]
        for who, package in HANDLERS.items():
            try:
                other = parts.enter_context(_empty(who))
            except (OSError, ValueError) as error:
                skip(KEY, WHAT, f"{who}, empty handler", str(error), "posts/s", "higher")
                continue
            other.flood(made, 1.0)
            found = f"{version(package)}, uvicorn {version('uvicorn')}"
            sides.append(
                Side(f"{who}, empty handler", found, _flood(other, requests("x" * 40)), "body read, 200; nothing kept")
            )
        compare(KEY, WHAT, "posts/s", "higher", sides, 5)


def _flood(client: Client, made: Iterator[bytes]) -> Callable[[], float]:
    return lambda: client.flood(made, SECONDS)


@contextlib.contextmanager
def _empty(who: str) -> Iterator[Client]:
    """A server with an empty handler."""
    argv = [sys.executable, "-m", "tests.bench.peers.http_handlers", who]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        client = Client("127.0.0.1", int(process.stdout.readline()), CONNECTIONS)
        yield client
        client.close()
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
