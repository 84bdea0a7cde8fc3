"""From the vitals that make a patient ill to the e-mail about it, taken by an SMTP sink, on a ward under traffic.

    python -m tests.bench.notify [--patients 1000] [--ill 100] [--every 0.1] [--rounds 5]

The time runs from before the HTTP request to the end of SMTP's DATA; the ward is that of ill_ward.py.
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

from tests.bench.ill_ward import UNIT, admit, fall_ill, frames, tell, under_traffic
from tests.sinks import SmtpSink, text_of

ARRIVES_S_MAX = 30.0


def run(wanted: argparse.Namespace, folder: Path, sink: SmtpSink) -> None:
    """Measure and print. Raises AssertionError where an e-mail did not come."""
    (folder / "url").write_text(sink.url())
    channels = json.dumps([{"name": "mail", "url_file": str(folder / "url"), "rate_per_minute_max": 6_000}])
    routes = json.dumps([{"channels": ["mail"], "kinds": ["opened"], "units": [UNIT]}])
    rounds: list[list[float]] = []
    with under_traffic(folder, wanted.patients, NOTIFY__CHANNELS=channels, NOTIFY__ROUTES=routes) as server:
        admit(server, wanted.rounds * wanted.ill)
        began, first = time.monotonic(), frames(server)
        for at in range(wanted.rounds):
            beds = range(at * wanted.ill, (at + 1) * wanted.ill)
            fell = fall_ill(server, beds, wanted.every)
            sink.wait_for(beds.stop, ARRIVES_S_MAX)
            rounds.append(_took_ms(sink, beds, fell))
        rate = (frames(server) - first) / (time.monotonic() - began)
    tell("alert.mail", "an SMTP sink", rounds, wanted.patients, rate)


def _took_ms(sink: SmtpSink, beds: range, fell: dict[str, float]) -> list[float]:
    taken = zip(sink.taken[beds.start : beds.stop], sink.taken_at[beds.start : beds.stop], strict=True)
    return [1_000 * (at - fell[re.findall(rf"{UNIT} (i\d+)", text_of(mail))[0]]) for mail, at in taken]


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000)
    parser.add_argument("--ill", type=int, default=100, help="alerts of a round")
    parser.add_argument("--every", type=float, default=0.1, help="seconds between two")
    parser.add_argument("--rounds", type=int, default=5)
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder, SmtpSink() as sink:
        run(parser.parse_args(), Path(folder), sink)


if __name__ == "__main__":
    main()
