"""Makes the environment of the peers, .cache/peers/venv, from requirements.lock with hashes: python -m
tests.bench.peers.install.

It stands on top of nightlamp's own .venv, whose packages it sees. All packages are tried at once; where that fails,
each by itself without its dependencies, so that one that cannot be had here does not take the others with it. What is
missing, and why, is in .cache/peers/missing.json, and every bench says so of its peers.
"""

import hashlib
import json
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOCK, FOLDER = Path(__file__).with_name("requirements.lock"), ROOT / ".cache/peers"
MISSING, STAMP = FOLDER / "missing.json", FOLDER / "venv/.installed"


def main() -> int:
    """Install unless it is done; 0 also where packages are missing."""
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    print("installing the peers into .cache/peers ...", flush=True)
    venv.create(FOLDER / "venv", with_pip=True, clear=True)
    _see_ours()
    missing = {} if not _install(LOCK) else _one_by_one()
    MISSING.write_text(json.dumps(missing, indent=1) + "\n")
    for package, why in missing.items():
        print(f"  {package} cannot be installed: {why}", flush=True)
    STAMP.write_text(wanted)
    return 0


def missing() -> dict[str, str]:
    """Packages of the lock that could not be installed, and why."""
    return dict(json.loads(MISSING.read_text())) if MISSING.exists() else {}


def _see_ours() -> None:
    """The packages of the environment this runs in, behind the peers' own."""
    found = next((FOLDER / "venv/lib").glob("python*/site-packages"))
    ours = [entry for entry in sys.path if entry.endswith("site-packages")]
    (found / "nightlamp_behind.pth").write_text("".join(f"import site; site.addsitedir({one!r})\n" for one in ours))


def _install(requirements: Path, *more: str) -> str:
    """Why pip failed, or empty."""
    argv = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", *more]
    done = subprocess.run(
        [FOLDER / "venv/bin/python", *argv, "-r", requirements], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    # No addresses: what is read here ends on a page.
    return "" if done.returncode == 0 else re.sub(r"https?://\S+", "", said[-1] if said else "pip failed")[:200]


def _one_by_one() -> dict[str, str]:
    found, part = {}, FOLDER / "one.txt"
    for entry in re.split(r"\n(?=\S)", LOCK.read_text()):
        if "==" not in entry.split("\n")[0]:
            continue
        part.write_text(entry + "\n")
        if why := _install(part, "--no-deps", "--only-binary", ":all:"):
            found[entry.partition("==")[0]] = why
    part.unlink(missing_ok=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
