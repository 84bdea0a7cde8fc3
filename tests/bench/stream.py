"""WebSocket fan-out: patient states to 50 clients, as small as 200 bytes and as large as docs/messages.md shows one.

Run it: python -m tests.bench.stream. Counted are messages delivered (a state to a client), by bytes received in
another process on the same two cores; nightlamp joins states that wait for a client into one WebSocket frame, which
is part of its design.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nightlamp import __version__
from tests.bench.figures import Side, compare
from tests.bench.stream_load import CLIENTS, Clients
from tests.bench.stream_server import ROUND, messages

SIZES = {"small": 200, "whole": 0}
ROUNDS_SENT = 40
INCLUDED = "hub, conflation, per-client scope, frames of several states; delivered to other process"


def title(size: int) -> str:
    """What is measured."""
    return f"patient states of {len(messages(size)[0][1])} bytes to {CLIENTS} clients"


@contextmanager
def serving(kind: str, size: int, rounds: int = ROUNDS_SENT) -> Iterator[Callable[[], float]]:
    """Measures messages a second of a server of this kind."""
    argv = [sys.executable, "-m", "tests.bench.stream_server", kind, str(size)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    given, said = process.stdin, process.stdout
    try:
        clients = Clients(int(said.readline()), subscribe=kind == "nightlamp")
        waited = rounds * sum(len(body) for _, body in messages(size))

        def measure() -> float:
            clients.quiet(0.2)
            given.write(f"{rounds}\n")
            given.flush()
            began = float(said.readline())
            return rounds * ROUND * CLIENTS / (clients.until(waited) - began)

        yield measure
        clients.close()
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Measure and print."""
    for name, size in SIZES.items():
        with serving("nightlamp", size) as measure:
            side = Side("nightlamp", __version__, measure, INCLUDED, True)
            compare(f"stream.ours.{name}", title(size), "messages/s", "higher", [side], 5)


if __name__ == "__main__":
    main()
