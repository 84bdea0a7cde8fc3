"""A policy on recorded patients: what the command says is what an hour by hour count of the same files says."""

import json
import os
from math import floor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nightlamp.cli.root import app
from nightlamp.policy.checking import sha256
from nightlamp.policy_simulation.physionet import named
from tests import made_up_challenge

RULE = """[[rule]]
name = "{name}"
score = "shock_index"
severity = "high"
enter = {enter}
clear = {clear}
"""
FAST, SLOW = (RULE.format(name="fast", enter=enter, clear=0.7) for enter in (0.9, 1.1))
REAL = Path(os.environ.get("NIGHTLAMP_SHARED", "../shared")) / "data" / "physionet2019"


def simulate(
    tmp_path: Path, data: Path, candidate: str, current: str, *options: str
) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON and what is printed."""
    for name, text in (("candidate", candidate), ("current", current)):
        (tmp_path / f"{name}.toml").write_text(text)
    settings, found = tmp_path / "nightlamp.toml", tmp_path / "found.json"
    settings.write_text(f'data_dir = "{tmp_path}/data"\n')
    ended = CliRunner().invoke(
        app,
        [
            *("--config", str(settings), "policy", "simulate", str(tmp_path / "candidate.toml")),
            *("--against", str(tmp_path / "current.toml"), "--physionet", str(data), "--json", str(found)),
            *options,
        ],
    )
    return ended.exit_code, json.loads(found.read_text()) if found.exists() else {}, ended.output


def counted(data: Path, enter: float, clear: float) -> dict[str, int]:
    """Alerts, right ones and patient-days of a rule on HR / SBP, read hour by hour from the files.

    Whole numbers, their ratio to 0.01, both at most 4 hours old.
    """
    sums = {"alerts": 0, "right": 0, "hours": 0, "septic": 0}
    for file in sorted(data.glob("p*.psv")):
        head, *lines = file.read_text().split()
        columns = head.split("|")
        rows = [dict(zip(columns, map(float, line.split("|")), strict=True)) for line in lines]
        septic = [row["ICULOS"] for row in rows if row["SepsisLabel"] == 1]
        onset = septic[0] + 6 if septic else None
        sums["septic"] += bool(septic)
        sums["hours"] += int(rows[-1]["ICULOS"])
        latest: dict[str, tuple[float, float]] = {}
        is_open = False
        for row in rows:
            for name, low, high in (("HR", 0, 350), ("SBP", 20, 350)):
                if low <= row[name] <= high:
                    latest[name] = floor(row[name] + 0.5), row["ICULOS"]
            if len(latest) < 2 or any(row["ICULOS"] - at > 4 for _, at in latest.values()):
                continue
            index = floor(latest["HR"][0] / latest["SBP"][0] * 100 + 0.5) / 100
            if not is_open and index >= enter:
                is_open = True
                sums["alerts"] += 1
                sums["right"] += onset is not None and onset - 12 <= row["ICULOS"] <= onset + 3
            elif is_open and index <= clear:
                is_open = False
    return sums


def test_the_command_counts_what_is_in_the_files_and_says_what_a_candidate_changes(tmp_path: Path) -> None:
    data = tmp_path / "files"
    data.mkdir()
    made_up_challenge.write(data, 60)
    code, found, printed = simulate(tmp_path, data, SLOW, FAST)
    assert code == 0, printed
    for name, enter in (("current", 0.9), ("candidate", 1.1)):
        expected, mine = counted(data, enter, 0.7), found[name]["figures"]["all"]
        assert mine["alerts"] == expected["alerts"] > 5
        assert mine["right"] == expected["right"] > 0
        assert mine["patient_days"] == pytest.approx(expected["hours"] / 24)
        assert found["outcome"]["happened"] == expected["septic"]
    assert found["current"]["sha256"] == sha256(FAST)
    shared = found["difference"]["all"]
    assert shared["both"] + shared["only_current"] == found["current"]["figures"]["all"]["alerts"]
    assert shared["both"] + shared["only_candidate"] == found["candidate"]["figures"]["all"]["alerts"]
    assert found["difference"]["earlier"] == 0
    assert "only candidate" in printed
    assert "onset of sepsis" in printed


def test_only_models_that_a_rule_names_are_asked() -> None:
    inner = '[[rule]]\nwhen = { all = [ { score = "sepsis", above = 1 }, { any = [ { signal = "HR", above = 2 } ] } ] }'
    assert named([FAST, inner]) == {"shock_index", "sepsis"}
    assert named(["[technical]\n[[technical.score_stale]]\nscore = 'x'", "no toml ="]) == set()


def test_a_policy_the_engine_would_not_take_ends_with_1_and_its_line(tmp_path: Path) -> None:
    code, _, printed = simulate(tmp_path, tmp_path, SLOW + "unknown = 1\n", FAST)
    assert code == 1
    assert "line 7" in printed


def test_a_folder_without_the_files_ends_with_1(tmp_path: Path) -> None:
    code, _, printed = simulate(tmp_path, tmp_path, SLOW, FAST)
    assert code == 1
    assert "holds neither" in printed


@pytest.mark.parametrize("options", [("--from", "2026-01-01T00:00:00Z"), ("--offline",), ("--hospital", "C")])
def test_options_that_do_not_go_together_end_with_2(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert simulate(tmp_path, tmp_path, SLOW, FAST, *options)[0] == 2


@pytest.mark.skipif(not REAL.is_dir(), reason="the challenge's files are not here")
def test_on_patients_of_the_challenge_the_shipped_model_keeps_its_alert_budget(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "core_rs/src/alert/default_policy.toml").read_text()
    code, found, printed = simulate(tmp_path, REAL, text, text, "--hospital", "A", "--patients", "300")
    assert code == 0, printed
    rules = {one["name"]: one for one in found["candidate"]["figures"]["rules"]}
    # Its card: 5 episodes in 100 patient-days with one evaluation; the policy asks for two.
    assert 1 < rules["sepsis-high"]["per_100_patient_days"] < 10
    assert found["difference"]["all"]["only_current"] == found["difference"]["all"]["only_candidate"] == 0
    assert found["current"]["figures"] == found["candidate"]["figures"]
