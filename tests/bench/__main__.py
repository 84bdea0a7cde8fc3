"""`make bench`: every figure of docs/benchmarks.md, measured here and now, one after the other."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime

#: What is run, in order; each says which figure it prints.
RUNS = [
    ("forest beside lightgbm", [sys.executable, "-m", "tests.bench.forest"]),
    ("decode beside python-hl7 and hl7apy", [sys.executable, "-m", "tests.bench.decode"]),
    ("decode beside Rust parsers", ["cargo", "bench", "--locked", "-q", "-p", "nightlamp-core", "--bench", "decode"]),
    ("features beside pandas", [sys.executable, "-m", "tests.bench.features"]),
    ("window", ["cargo", "bench", "--locked", "-q", "-p", "nightlamp-core", "--bench", "window"]),
    (
        "journal beside a bare fdatasync",
        ["cargo", "bench", "--locked", "-q", "-p", "nightlamp-core", "--bench", "journal"],
    ),
    ("as it was", ["cargo", "bench", "--locked", "-q", "-p", "nightlamp-core", "--bench", "as_of"]),
    ("HL7 posts to durable acknowledgement, as many as go", [sys.executable, "-m", "tests.bench.post"]),
    ("HL7 posts, 2,000/s on schedule", [sys.executable, "-m", "tests.bench.post", "--rate", "2000"]),
    ("WebSocket fan-out", [sys.executable, "-m", "tests.bench.fanout"]),
    ("WebSocket fan-out, each console for itself", [sys.executable, "-m", "tests.bench.fanout", "--alone"]),
    ("COPY beside asyncpg's records", [sys.executable, "-m", "tests.bench.copy"]),
    ("start to ready", [sys.executable, "-m", "tests.bench.start"]),
    ("5,000 recorded patients beside the offline path", [sys.executable, "-m", "tests.bench.parity"]),
    ("route, 20,000 observations/s", [sys.executable, "-m", "tests.bench.route", "--beds", "2500"]),
    (
        "route, 1,000 patients and 500 HL7/s",
        [sys.executable, "-m", "tests.bench.route", "--beds", "1000", "--hl7", "500"],
    ),
]


def main() -> int:
    """Run all; the number of runs that failed."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.platform()}, {os.cpu_count()} cores")
    failed = 0
    for title, argv in RUNS:
        print(f"\n== {title}: {' '.join(argv)}", flush=True)
        failed += subprocess.run(argv, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
