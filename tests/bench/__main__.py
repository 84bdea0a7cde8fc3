"""`make bench`: nightlamp's own figures, measured here and now, into a run folder (.cache/bench): about 18 minutes.

`--only NAME` runs some of them, also those that are left out otherwise because they take minutes or need recordings.
`python -m tests.bench.page` makes docs/benchmarks.md of the folder.
"""

import sys

from tests.bench import criterion
from tests.bench.forest_model import WHAT
from tests.bench.runner import Bench, run_all
from tests.bench.scale import SCALE, scale_figures


def _python(module: str, *more: str) -> list[str]:
    return [sys.executable, "-m", f"tests.bench.{module}", *more]


def _cargo(bench: str) -> list[str]:
    return ["cargo", "bench", "--locked", "-q", "-p", "nightlamp-core", "--bench", bench]


#: In order. Those of Rust compile first, so their limit is long.
BENCHES = [
    Bench(
        "ours-decode-rust",
        "decode in Rust",
        _cargo("decode"),
        900,
        figures_of=criterion.figures_of(
            "decode",
            {
                "oru_8_obx": ("decode.ours", "MB/s", "ORU R01 with 8 OBX, 1,509 bytes"),
                "json_8_observations": ("decode.json", "us", "device JSON with 8 observations"),
            },
        ),
    ),
    Bench("ours-decode", "decode from Python", _python("decode")),
    Bench("ours-window", "window", _cargo("window"), 900),
    Bench(
        "ours-forest-rust",
        "forest in Rust, one row",
        _cargo("forest"),
        900,
        figures_of=criterion.figures_of("forest", {"one row": ("forest.rust.1", "us", f"{WHAT}, one row, in Rust")}),
    ),
    Bench("ours-forest", "forest from Python", _python("forest")),
    Bench("ours-mqtt", "MQTT QoS 1 to durable to PUBACK", _python("mqtt")),
    Bench("ours-http", "HL7 POST to durable ACK", _python("http")),
    Bench("ours-store", "COPY into PostgreSQL", _python("store")),
    Bench("ours-stream", "WebSocket fan-out", _python("stream")),
    Bench("ours-fanout", "WebSocket fan-out in frames of 16 states", _python("fanout")),
    Bench("ours-alerting", "alert to console, 1,000 patients", _python("alerting")),
    Bench("ours-notify", "alert to an SMTP sink, 1,000 patients", _python("notify")),
    Bench("ours-ready", "start to ready", _python("ready")),
    Bench(
        "ours-scale",
        "cost and memory from 100 to 100,000 patients",
        _cargo("scale"),
        1_200,
        {"NIGHTLAMP_BENCH_JSON": str(SCALE)},
        scale_figures,
    ),
    Bench("post", "HL7 posts, by process and stage", _python("post"), 600, on_request=True),
    Bench("copy", "COPY of a million rows beside asyncpg's records", _python("copy"), 900, on_request=True),
    Bench("start", "the parts of a start", _python("start"), 600, on_request=True),
    Bench("journal", "journal beside a bare fdatasync", _cargo("journal"), 900, on_request=True),
    Bench("as_of", "as it was", _cargo("as_of"), 1_800, on_request=True),
    Bench("features", "feature rows beside pandas", _python("features"), 1_800, on_request=True),
    Bench("parity", "recorded patients beside the offline path", _python("parity"), 1_800, on_request=True),
    Bench("route", "route, 20,000 observations/s", _python("route", "--beds", "2500"), 600, on_request=True),
]


if __name__ == "__main__":
    sys.exit(run_all(BENCHES, "nightlamp's own figures"))
