"""The load-test harness as a program: how it is run, and what its exit codes mean."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HARNESS = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "nightlamp-loadtest"
PASSED, NOT_RUN, LEVEL_BROKEN, NOT_CONSERVED = 0, 2, 3, 4


def run_harness(*arguments: str | Path, token: str = "") -> subprocess.CompletedProcess[str]:
    """Run it with these arguments and this key, and nothing of the caller's settings."""
    assert HARNESS.exists(), f"{HARNESS} is not built: make build"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTLAMP_")}
    return subprocess.run(
        [HARNESS, *arguments],
        env=environment | {"NIGHTLAMP_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
