"""From the vitals that make a patient ill to the alert at a console, on a ward under traffic.

    python -m tests.bench.alerting [--patients 1000] [--ill 200] [--every 0.05] [--rounds 5]

The console is a WebSocket client of others (`websockets`) in a process of its own that watches every unit, and so reads
each monitor's readings too. The time runs from before the HTTP request to when the client hands the message out, by the
machine's clock; the ward is that of ill_ward.py.
"""

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import websockets

from tests.bench.ill_ward import UNIT, admit, fall_ill, frames, tell, under_traffic

ARRIVES_S_MAX = 30.0


def _console(url: str, key: str, told: Connection) -> None:
    """Tells `(bed, seconds since 1970)` of each alert of unit ILL that opens; first `("", 0)` once it watches."""

    async def watch() -> None:
        headers = {"Authorization": f"Bearer {key}"}
        where = url.replace("http", "ws", 1) + "/v1/stream"
        async with websockets.connect(where, additional_headers=headers, max_size=None) as stream:
            await stream.send(json.dumps({"subscribe": {"units": "*"}, "resume": None}))
            async for text in stream:
                at = time.time()
                if '"ready"' not in text and '"opened"' not in text:
                    continue
                for message in json.loads(text):
                    if message["type"] == "ready":
                        told.send(("", 0.0))
                    if message["type"] == "alert" and message["kind"] == "opened" and message["unit"] == UNIT:
                        told.send((message["bed"], at))

    asyncio.run(watch())


def _wait(heard: Connection) -> tuple[str, float]:
    assert heard.poll(ARRIVES_S_MAX), f"nothing within {ARRIVES_S_MAX:.0f} s"
    bed, at = heard.recv()
    return bed, at


def run(wanted: argparse.Namespace, folder: Path) -> None:
    """Measure and print. Raises AssertionError where an alert did not come."""
    rounds: list[list[float]] = []
    context = multiprocessing.get_context("spawn")
    with under_traffic(folder, wanted.patients) as server:
        admit(server, wanted.rounds * wanted.ill)
        heard, told = context.Pipe(duplex=False)
        console = context.Process(target=_console, args=(server.url, server.keys["charge_nurse"], told), daemon=True)
        console.start()
        try:
            assert _wait(heard) == ("", 0.0)
            began, first = time.monotonic(), frames(server)
            for at in range(wanted.rounds):
                fell = fall_ill(server, range(at * wanted.ill, (at + 1) * wanted.ill), wanted.every)
                arrived = dict(_wait(heard) for _ in fell)
                rounds.append([1_000 * (arrived[bed] - since) for bed, since in fell.items()])
            rate = (frames(server) - first) / (time.monotonic() - began)
        finally:
            console.terminate()
            console.join()
    tell("alert.console", "a console", rounds, wanted.patients, rate)


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000)
    parser.add_argument("--ill", type=int, default=200, help="alerts of a round")
    parser.add_argument("--every", type=float, default=0.05, help="seconds between two")
    parser.add_argument("--rounds", type=int, default=5)
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
        run(parser.parse_args(), Path(folder))


if __name__ == "__main__":
    main()
