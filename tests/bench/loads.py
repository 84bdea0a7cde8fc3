"""`make bench-loads`: every shipped load-test scenario against a fresh server, into the run folder of the benches.

Each round runs every scenario once, so that a disturbance meets them all; `--times` rounds (5), `--only NAME` for
some. A run that misses its levels is kept and said: the page shows it. A run that could not be made ends this.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.runner import FOLDER, ROOT

HARNESS = ROOT / "target/release/nightlamp-loadtest"
#: By name: the scenario and its options. `sixty` is `region` at one and a half times its rate, 62,400 observations/s.
LOADS: dict[str, list[str]] = {
    "smoke": ["smoke"],
    "ward": ["ward"],
    "hospital": ["hospital"],
    "region": ["region"],
    "sixty": ["region", "--rate", "1.5"],
    "surge": ["surge"],
    "storm": ["storm"],
    "stall": ["stall"],
    "faults": ["faults"],
    "replay": ["replay"],
}
#: What `replay` plays: `make recordings` writes it.
RECORDING = ROOT / ".cache/recordings/bidmc.csv"
#: Exit codes of a run that was made: levels met, a level missed, counts that do not add up.
MADE = (0, 3, 4)


def main() -> int:
    """0 once all were made, met or not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="rounds")
    parser.add_argument("--only", action="append", choices=list(LOADS), help="names of loads")
    parser.add_argument("--out", type=Path, default=FOLDER / "loads", help="the folder for results")
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    names = wanted.only or list(LOADS)
    if "replay" in names and not RECORDING.exists():
        print(f"replay is left out: {RECORDING} is not there (make recordings)", flush=True)
        names.remove("replay")
    for at in range(1, wanted.times + 1):
        for name in names:
            code = _run(name, wanted.out / f"{name}-{time.strftime('%H%M%S')}.json")
            print(f"round {at} of {wanted.times}: {name}: exit {code}", flush=True)
            if code not in MADE:
                return code
    return 0


def _run(name: str, out: Path) -> int:
    argv = [str(HARNESS), "run", *LOADS[name], "--spawn", "--quiet", "--out", str(out)]
    return subprocess.run(argv, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
