"""`make bench-peers`: nightlamp beside published programs and libraries, in one run, into a run folder: about ten
minutes.

The environment is made by tests.bench.peers.install; a peer that is missing is reported with the reason.
"""

import sys

from tests.bench.peers.install import FOLDER
from tests.bench.runner import ROOT, Bench, run_all

PYTHON = str(FOLDER / "venv/bin/python")


def _python(module: str) -> list[str]:
    return [PYTHON, "-m", f"tests.bench.peers.{module}"]


BENCHES = [
    Bench("peers-decode-rust", "HL7: Rust crates", _python("hl7_rust"), 300),
    Bench("peers-decode", "HL7: python-hl7, hl7apy, HAPI", _python("hl7"), 400),
    Bench("peers-forest", "forest: lightgbm, lleaves, ONNX Runtime, treelite, tl2cgen", _python("forest"), 900),
    Bench("peers-windows", "windows: river", _python("windows")),
    Bench("peers-mqtt", "MQTT: paho, gmqtt, aiomqtt behind Mosquitto", _python("mqtt"), 400),
    Bench("peers-store", "COPY: asyncpg", _python("store"), 400),
    Bench("peers-http", "HTTP: empty handlers on uvicorn", _python("http"), 400),
    Bench("peers-stream", "WebSocket: websockets.broadcast, send_text", _python("stream"), 400),
]


if __name__ == "__main__":
    print(f"with {PYTHON.removeprefix(str(ROOT) + '/')}")
    sys.exit(run_all(BENCHES, "nightlamp beside its peers"))
