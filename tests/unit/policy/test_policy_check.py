"""`nightlamp policy check`: what the engine would say at a start, said before it."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nightlamp._core import Scorers
from nightlamp.cli.root import app
from nightlamp.policy.checking import TEXT_BYTES_MAX, PolicyRefused, check, default_text, sha256

RULE = '[[rule]]\nname = "{name}"\nscore = "{score}"\nseverity = "high"\nenter = {enter}\nclear = {clear}\n'
GOOD = RULE.format(name="news2-high", score="news2", enter=7, clear=4)


def run(tmp_path: Path, text: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command for a policy file with this text, without any bundle."""
    file, settings = tmp_path / "policy.toml", tmp_path / "nightlamp.toml"
    file.write_text(text)
    settings.write_text(f'data_dir = "{tmp_path}/data"\n[models]\ndir = "{tmp_path}/none"\n')
    ended = CliRunner().invoke(app, ["--config", str(settings), "policy", "check", str(file)])
    return ended.exit_code, ended.stdout, ended.stderr


def test_a_policy_the_engine_takes_ends_with_0_and_its_sha256(tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, GOOD)
    assert code == 0
    assert sha256(GOOD) in out


def test_the_policy_nightlamp_carries_is_taken_and_rules_without_their_score_are_told(tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, default_text())
    assert code == 0
    assert "is not in force" in out


@pytest.mark.parametrize(
    ("text", "line", "shown", "said"),
    [
        (GOOD + RULE.format(name="two", score="news2", enter=5, clear=9), 12, "clear = 9", "must be less than enter"),
        (GOOD + RULE.format(name="two", score="no-such", enter=5, clear=3), 9, 'score = "no-such"', "is loaded"),
        (GOOD + "unknown = 1\n", 7, "unknown = 1", "unknown field"),
        (GOOD + 'label = "never ends\n', 7, 'label = "never ends', "invalid basic string"),
    ],
)
def test_the_line_of_the_error_is_named_and_shown(tmp_path: Path, text: str, line: int, shown: str, said: str) -> None:
    code, out, err = run(tmp_path, text)
    assert (code, out) == (1, "")
    assert f"line {line}: " in err
    assert f"{line:>6} | " in err
    assert shown in err
    assert said in err


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["policy", "check", str(tmp_path / "none.toml")])
    assert ended.exit_code == 2


def test_a_policy_longer_than_the_limit_is_refused_without_reading_it() -> None:
    with pytest.raises(PolicyRefused) as refused:
        check("#" * (TEXT_BYTES_MAX + 1), Scorers([]))
    assert refused.value.line == 0
    assert check("#" * TEXT_BYTES_MAX, Scorers([])).notes == []


def test_a_command_starts_without_the_web_servers_parts() -> None:
    told = "import sys, nightlamp.cli.root; print(*sorted({'fastapi', 'asyncpg', 'structlog'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
