"""Rules over raw signals on a real server: they open, say why, count what is withdrawn, and clear."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from messages import acknowledgement, admission, result, stamp, unique
from running_server import RunningServer, start_server
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
POLICY = """
[[rule]]
name = "shock"
severity = "high"
when = { all = [
  { signal = "MAP", below = 65, clear = 70, for_s = 3 },
  { signal = "Lactate", rising_by = 2.0, within_s = 3600 },
] }
[[escalation]]
severity = "high"
steps = [{ after_s = 3600, to = "physician" }]
"""
MAP, LACTATE = ("8478-0", "mm[Hg]"), ("2524-7", "mmol/L")


@pytest.fixture(scope="module")
def conditions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server under a policy of one rule, which no score is part of."""
    folder = tmp_path_factory.mktemp("conditions")
    (policy := folder / "policy.toml").write_text(POLICY)
    (data := folder / "data").mkdir()
    running = start_server(data, POLICY_FILE=str(policy))
    yield running
    running.stop()


class Bed:
    """A patient in a unit of its own."""

    def __init__(self, server: RunningServer) -> None:
        self.server, self.patient, self.unit = server, f"P{unique()}", f"U{unique()}"
        self._send(admission(self.patient, self.unit, "1"))

    def _send(self, message: str) -> None:
        with self.server.client("ehr") as ehr:
            answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
        assert acknowledgement(answer.text)["MSA"][0][1] == "AA", answer.text

    def measure(self, signal: tuple[str, str], value: str, *, ago_s: float = 0, at: str = "", status: str = "F") -> str:
        """One value; the HL7 time it was observed at."""
        at = at or stamp(ago_s)
        self._send(result(self.patient, signal[0], value, signal[1], at, status))
        return at

    def alerts(self) -> list[dict[str, Any]]:
        with self.server.client("nurse") as nurse:
            answer = nurse.get("/v1/alerts", params={"unit": self.unit})
        assert answer.status_code == 200, answer.text
        return [one for one in answer.json()["items"] if one["cause"] == "shock"]

    def active(self) -> dict[str, Any] | None:
        return next((one for one in self.alerts() if one["cleared_at"] is None), None)


def test_low_pressure_for_a_time_and_rising_lactate_open_one_alert_that_says_each_value_and_clears(
    conditions: RunningServer,
) -> None:
    bed = Bed(conditions)
    bed.measure(LACTATE, "1.8", ago_s=1800)
    bed.measure(MAP, "60")
    assert bed.alerts() == [], "the pressure has only just fallen, and nobody knows of a rise"
    bed.measure(LACTATE, "4.1", ago_s=60)
    alert = until(bed.active)
    assert (alert["severity"], alert["rule"], alert["model"], alert["value"]) == ("high", "shock", "", None)
    pressure, lactate = alert["reason"].split("; ")
    assert pressure.startswith("mean arterial pressure 60 mmHg, ")
    assert ", below 65 for " in pressure
    assert lactate.startswith("lactate 4.1 mmol/L, ")
    assert lactate.endswith(", up 2.3 from 1.8 within 1 h")
    bed.measure(MAP, "72")
    (over,) = until(lambda: [one for one in bed.alerts() if one["cleared_at"] is not None])
    assert over["alert_id"] == alert["alert_id"]
    opened, cleared = over["history"]
    assert (opened["kind"], cleared["kind"]) == ("opened", "cleared")
    assert cleared["reason"].startswith("no longer: mean arterial pressure 72 mmHg, ")


def test_an_alert_ends_when_the_laboratory_withdraws_the_value_it_rested_on(conditions: RunningServer) -> None:
    bed = Bed(conditions)
    bed.measure(LACTATE, "1.8", ago_s=1800)
    bed.measure(MAP, "60", ago_s=10)
    wrong_at = bed.measure(LACTATE, "4.1", ago_s=60)
    until(bed.active)
    bed.measure(LACTATE, "", at=wrong_at, status="D")
    (over,) = until(lambda: [one for one in bed.alerts() if one["cleared_at"] is not None])
    assert over["history"][-1]["reason"] == "the values it rested on were withdrawn"


def test_a_wrong_condition_ends_the_check_with_its_line_and_the_nearest_names(
    conditions: RunningServer, tmp_path: Path
) -> None:
    (wrong := tmp_path / "policy.toml").write_text(POLICY.replace('"Lactate"', '"Laktat"'))
    ended = conditions.command("policy", "check", str(wrong))
    assert ended.returncode != 0
    assert "line 7" in ended.stderr + ended.stdout
    assert "Lactate" in ended.stderr + ended.stdout
