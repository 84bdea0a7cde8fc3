"""From the vitals that make a patient ill to the e-mail about it, taken by an SMTP sink, on a ward under traffic.

    python -m tests.bench.notify [--patients 1000] [--rate 500] [--ill 100] [--every 0.3]

A whole server of its own; `--rate` messages of six vitals a second beside; every `--every` seconds the NEWS2 of one
patient becomes 15. The time runs from before the HTTP request to the end of SMTP's DATA. One process sends.
"""

import argparse
import itertools
import json
import os
import re
import statistics
import tempfile
import threading
import time
from pathlib import Path

import httpx

from tests.messages import ILL, WELL, admission, vitals
from tests.running_server import RunningServer, start_server
from tests.sinks import SmtpSink, text_of

HL7 = {"Content-Type": "application/hl7-v2"}
POLICY = '[[rule]]\nname = "news2-high"\nscore = "news2"\nlabel = "NEWS2"\nseverity = "high"\nenter = 7\nclear = 4\n'


def _post(client: httpx.Client, message: str) -> None:
    client.post("/v1/hl7v2", content=message, headers=HL7).raise_for_status()


def _traffic(server: RunningServer, patients: int, rate: float, stop: threading.Event, sent: list[int]) -> None:
    """Well patients, one after the other, on an open schedule."""
    began = time.monotonic()
    with server.client("ehr") as client:
        for count in itertools.count():
            if stop.is_set():
                return
            time.sleep(max(0.0, began + count / rate - time.monotonic()))
            _post(client, vitals(f"W{count % patients}", WELL))
            sent[0] = count + 1


def run(wanted: argparse.Namespace, folder: Path, sink: SmtpSink) -> None:
    """Measure and print."""
    (folder / "url").write_text(sink.url())
    (folder / "policy.toml").write_text(POLICY)
    channels = json.dumps([{"name": "mail", "url_file": str(folder / "url"), "rate_per_minute_max": 6_000}])
    routes = json.dumps([{"channels": ["mail"], "kinds": ["opened"]}])
    settings = {"NOTIFY__CHANNELS": channels, "NOTIFY__ROUTES": routes, "POLICY_FILE": str(folder / "policy.toml")}
    server = start_server(folder, **settings)
    stop, sent = threading.Event(), [0]
    fell: dict[str, float] = {}
    try:
        with server.client("ehr") as client:
            for place in range(wanted.patients):
                _post(client, admission(f"W{place}", "WARD", f"w{place}"))
            for place in range(wanted.ill):
                _post(client, admission(f"I{place}", "WARD", f"i{place}."))
            sender = threading.Thread(target=_traffic, args=(server, wanted.patients, wanted.rate, stop, sent))
            sender.start()
            time.sleep(3)
            began = time.monotonic()
            for place in range(wanted.ill):
                time.sleep(max(0.0, began + place * wanted.every - time.monotonic()))
                fell[f"i{place}."] = time.time()
                _post(client, vitals(f"I{place}", ILL))
            spent = time.monotonic() - began
        until = time.monotonic() + 30
        while len(sink.taken) < wanted.ill and time.monotonic() < until:
            time.sleep(0.05)
        stop.set()
        sender.join()
    finally:
        server.stop()
    took = [
        1_000 * (at - fell[re.findall(r"WARD (i\d+\.)", text_of(mail))[0]])
        for mail, at in zip(sink.taken, sink.taken_at, strict=True)
    ]
    took.sort()
    p99 = took[min(len(took) - 1, int(0.99 * len(took)))]
    print(f"{len(took)} of {wanted.ill} e-mails, {wanted.patients} patients, {sent[0] / spent:.0f} messages/s beside")
    print(f"ms to the sink: median {statistics.median(took):.0f}, p99 {p99:.0f}, most {took[-1]:.0f}")
    print(f"load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--ill", type=int, default=100)
    parser.add_argument("--every", type=float, default=0.3)
    with tempfile.TemporaryDirectory() as folder, SmtpSink() as sink:
        run(parser.parse_args(), Path(folder), sink)


if __name__ == "__main__":
    main()
