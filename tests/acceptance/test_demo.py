"""`nightlamp demo` tells its whole story by itself, from what really happened, and names nobody."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: A ward of eight, hurried: the five minutes in half a one.
QUICK = ["--beds", "8", "--speed", "60", "--hurry", "12", "--pace", "10", "--port", "0", "--kill"]
CHAPTERS = [
    "The ward fills",
    "A patient deteriorates",
    "A nurse answers",
    "An alert is ignored",
    "A monitor falls silent",
    "A notification channel dies",
    "A policy is tried",
]


def _demo(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "nightlamp", "demo", *QUICK, *more]
    environment = {"TMPDIR": str(folder), "COLUMNS": "300", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.timeout(240)
def test_the_demo_tells_every_chapter_when_it_happened_and_names_no_patient(tmp_path: Path) -> None:
    done = _demo(tmp_path, "--once", "--seconds", "75")
    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    told = {title: re.search(rf"\d:\d\d  \d  {title}\n((?: {{15}}.*\n)+)", said) for title in CHAPTERS}
    assert None not in told.values(), said
    assert all("measured" in found[1] and "look" in found[1] for found in told.values() if found)
    ignored = told["An alert is ignored"]
    assert ignored is not None
    assert "escalated to the charge nurse" in ignored[1]
    for mail in (
        "escalated to charge_nurse",
        "still unanswered, physician called again",
        "channel-dead cleared: pager",
    ):
        assert mail in said, "what arrives at the receivers is shown"
    assert "pager: HIGH alert news2-high escalated to physician" in said
    killed = re.search(
        r"([\d,]+) frames on disk before, ([\d,]+) after; the charge nurse's answer and note stand", said
    )
    assert killed is not None, said
    before, after = (int(number.replace(",", "")) for number in killed.groups())
    assert after >= before > 100
    people = (ROOT / "loadtest/src/demo/simulated/people.rs").read_text()
    names = re.findall(r'"([A-Z][a-z]+)"', people)
    assert len(names) == 32
    assert not [name for name in names if re.search(rf"\b{name}\b", said + done.stderr)]
    assert not re.search(r"\bNW\d{6}\b", said), "no record number either"
    assert list(tmp_path.glob("nightlamp-demo-*")) == [], "its folder is gone"
