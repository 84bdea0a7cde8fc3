"""decode beside python-hl7, hl7apy and HAPI HL7v2 (Java): the same ORU R01, one thread each, in turns.

Each side gives the eight values of OBX-5 as numbers; they are compared first. The peers parse and the values are read
from what they give; nightlamp decodes batches of 1,000 from Python, with units, times, codes and ranges. Java runs in
a process of its own that has parsed 40,000 messages before the first round (HotSpot has compiled the parser by then).
"""

import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import hl7
import hl7apy.parser

from nightlamp._core import __version__
from tests.bench.decode import BATCH, INCLUDED, checked, decoder
from tests.bench.figures import Side, compare, seconds_a_call, skip
from tests.bench.message import MESSAGE, NOON_US, VALUES
from tests.bench.runner import ROOT

KEY, WHAT = "decode.python", f"one ORU R01 with 8 OBX, {len(MESSAGE)} bytes"
PROJECT, BUILD = Path(__file__).with_name("hapi"), ROOT / ".cache/peers/hapi"
WARM_UP = 40_000


def main() -> None:
    """Compare what is here."""
    logging.disable(logging.CRITICAL)
    ours = decoder()
    checked(ours)
    batch = [MESSAGE.encode()] * BATCH
    sides = [
        Side(
            "nightlamp, from Python",
            __version__,
            lambda: seconds_a_call(lambda: ours.decode_batch(batch, 1, "", NOON_US)) / BATCH * 1e6,
            INCLUDED,
            ours=True,
        ),
        Side("python-hl7", version("hl7"), _timed(_by_python_hl7), "split into fields; OBX-5 read as numbers"),
        Side("hl7apy", version("hl7apy"), _timed(_by_hl7apy), "parsed by segment; OBX-5 read as numbers"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        message = Path(folder) / "message.hl7"
        message.write_text(MESSAGE, newline="")
        java, why = _java(message)
        compare(KEY, WHAT, "us", "lower", sides + [one.side for one in java])
        for one in java:
            one.close()
    if why:
        skip(KEY, WHAT, "HAPI HL7v2", why, "us")


def _by_python_hl7() -> list[float]:
    return [float(str(row[5])) for row in hl7.parse(MESSAGE).segments("OBX")]


def _by_hl7apy() -> list[float]:
    message = hl7apy.parser.parse_message(MESSAGE, find_groups=False)
    return [float(row.obx_5.value) for row in message.children.get("OBX")]


def _timed(work: Callable[[], list[float]]) -> Callable[[], float]:
    assert work() == VALUES, "other values"
    return lambda: seconds_a_call(work, 0.2) * 1e6


class _Java:
    """A JVM that measures a round whenever it is asked."""

    def __init__(self, classpath: str, message: Path, how: str, included: str) -> None:
        argv = ["java", "-XX:+UseSerialGC", "-Xmx512m", "-cp", classpath, "nightlamp.Hapi", str(message), how]
        self._process = subprocess.Popen(
            [*argv, str(WARM_UP)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        # It warms up while nothing else is measured.
        said = [float(word) for word in self._line().split()]
        if said != VALUES:
            self.close()
            raise ValueError(f"HAPI ({how}) reads other values: {said}")
        self.side = Side(f"HAPI HL7v2, {how}", f"{_hapi_version()}, {_java_version()}", self._round, included)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"java ended with {self._process.wait()}")
        return line

    def _round(self) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def _java(message: Path) -> tuple[list[_Java], str]:
    """The JVMs, and why there are none."""
    for program in ("java", "mvn"):
        if not shutil.which(program):
            return [], f"{program} is not installed"
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / "classpath.txt"
    goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={path}", f"-Dpeers.build={BUILD}/target"]
    built = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(PROJECT / "pom.xml"), *goals],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if built.returncode:
        said = [line for line in (built.stdout + built.stderr).splitlines() if "ERROR" in line]
        return [], f"maven could not build it: {said[0][:200] if said else built.returncode}"
    classpath = f"{BUILD}/target/classes:{path.read_text().strip()}"
    included = "parsed into the 2.6 structure; OBX-5 read as numbers"
    hows = {"plain": f"{included}; no validation", "validating": f"{included}; default validation"}
    made: list[_Java] = []
    try:
        for how, what in hows.items():
            made.append(_Java(classpath, message, how, what))
    except (RuntimeError, ValueError) as error:
        return made, str(error)
    return made, ""


def _hapi_version() -> str:
    pom = (PROJECT / "pom.xml").read_text()
    return pom.partition("<hapi.version>")[2].partition("</hapi.version>")[0]


def _java_version() -> str:
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    return said.splitlines()[0].replace('"', "")


if __name__ == "__main__":
    sys.exit(main())
