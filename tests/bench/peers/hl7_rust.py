"""decode in Rust beside rust-hl7, hl7-parser and hl7v2-parser: runs tests/bench/peers/rust (decode.rs), which prints
the figures.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.message import MESSAGE
from tests.bench.runner import ROOT

PROGRAM = ROOT / ".cache/peers/target/release/decode"


def main() -> int:
    """The program's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        message = Path(folder) / "message.hl7"
        message.write_text(MESSAGE, newline="")
        return subprocess.run([PROGRAM, message], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
