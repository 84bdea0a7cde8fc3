"""HL7 by HTTP POST to a real server, answered AA after fdatasync: posts a second, and p99 at 2,000 posts a second.

Run it: python -m tests.bench.http. The server is `nightlamp serve` with its embedded PostgreSQL and Redis; it
decodes, scores and stores meanwhile. The sender (tests/bench/http_load.py) is one thread on the same two cores: 64
connections, one post in flight on each. A post is an ORU R01 of three observations, about 800 bytes, with a message
id of its own.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from nightlamp import __version__
from tests.bench.figures import Side, compare
from tests.bench.http_load import Client, post
from tests.running_server import start_server

CONNECTIONS, SECONDS = 64, 3.0
PACED_PER_S, PACED_S = 2_000, 4.0
PATIENTS = 200
INCLUDED = "answered AA after fdatasync; decoded, scored, stored in PostgreSQL on the same cores meanwhile"
#: Stands where the time of the post goes, as long as one.
TIME = "@" * len("20260301123000.123+0000")
_numbers = itertools.count(1)


def requests(key: str) -> Iterator[bytes]:
    """Endless posts of patients in turns, each with a message id and times of its own."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "x-application/hl7-v2+er7"}
    # What changes keeps its length, so that a request is a template.
    template = post("/v1/hl7v2", _oru(), headers).replace(b"%", b"%%")
    template = template.replace(b"N00000000000", b"N%011d").replace(b"P00000", b"P%05d").replace(TIME.encode(), b"%b")
    times, second, text = template.count(b"%b"), 0, ""
    while True:
        number, now = next(_numbers), time.time()
        if int(now) != second:
            second = int(now)
            text = datetime.fromtimestamp(second, UTC).strftime("%Y%m%d%H%M%S")
        at = b"%b.%03d+0000" % (text.encode(), int(now * 1000) % 1000)
        yield template % (at, number, number % PATIENTS, *[at] * (times - 1))


def _oru() -> bytes:
    now = TIME
    rows = [
        "8867-4^Heart rate^LN|1|84|/min",
        "59408-5^Oxygen saturation^LN|1|96|%",
        "9279-1^Respiratory rate^LN|1|18|/min",
    ]
    head = (
        f"MSH|^~\\&|MONITOR_GATEWAY|NORTH HOSPITAL|NIGHTLAMP|NORTH HOSPITAL|{now}||"
        "ORU^R01^ORU_R01|N00000000000|P|2.6|||NE|AL\r"
        "PID|1||P00000^^^NORTH&1.2.276.0.76.3&ISO^MR||Muster^Eva^M^^^^L||19600504|F\r"
        "PV1|1|I|ICU 3^0248^07^NORTH HOSPITAL||||||||||||||||V20260228-77\r"
        f"OBR|1|ORD77^GW|FIL77^GW|182777000^monitoring of patient^SCT|||{now}|{now}\r"
    )
    text = head + "".join(
        f"OBX|{at}|NM|{row}^{row.split('|')[-1]}^UCUM|1-200|N|||F|||{now}||||MON7^GW\r"
        for at, row in enumerate(rows, 1)
    )
    return text.encode()


@contextmanager
def nightlamp() -> Iterator[tuple[Client, Iterator[bytes]]]:
    """A running server, connections to it and posts for it."""
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
        server = start_server(Path(folder))
        try:
            where = urlsplit(server.url)
            client = Client(where.hostname or "127.0.0.1", where.port or 80, CONNECTIONS)
            made = requests(server.keys["ehr"])
            client.flood(made, 1.0)
            before = server.metrics()
            yield client, made
            client.close()
            _nothing_refused(before, server.metrics())
        finally:
            server.stop()


def _nothing_refused(before: dict[str, float], after: dict[str, float]) -> None:
    """Raises AssertionError where posts became dead letters: that would be other work."""
    letters = {
        name: after[name] - before.get(name, 0) for name in after if "dead_letter" in name and name.endswith("_total")
    }
    assert not any(letters.values()), letters


def settled(measure: Callable[[], float]) -> Callable[[], float]:
    """The same after a short pause, in which the last round's rows are stored."""

    def waits() -> float:
        time.sleep(1.0)
        return measure()

    return waits


def main() -> None:
    """Measure and print."""
    with nightlamp() as (client, made):
        flood = Side("nightlamp", __version__, settled(lambda: client.flood(made, SECONDS)), INCLUDED, True)
        what = f"POST of an ORU R01 with 3 OBX, {len(_oru())} bytes, {CONNECTIONS} connections"
        compare("http.ours", what, "posts/s", "higher", [flood], 5)

        def p99() -> float:
            return statistics.quantiles(client.paced(made, PACED_PER_S, PACED_S), n=100)[98] * 1e3

        paced = Side("nightlamp", __version__, settled(p99), INCLUDED, True)
        compare("http.p99", f"{what}, p99 at {PACED_PER_S:,}/s from when it was due", "ms", "lower", [paced], 5)


if __name__ == "__main__":
    main()
