"""P1 to P5 of whole servers under seeded faults, and an oracle that can fail. `make fault`, `make soak`: for long."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nightlamp._core import catalogue
from tests.fault.oracle import tables
from tests.fault.oracle.dice import Dice
from tests.fault.oracle.evidence import Evidence
from tests.fault.oracle.judge import judge
from tests.fault.oracle.plan import Plan, Shape
from tests.fault.oracle.run import Order, run
from tests.fault.oracle.schedule import schedule
from tests.fault.oracle.words import SIGNALS, number_of

pytestmark = pytest.mark.timeout(300)
SEED = 4


@pytest.fixture(scope="module")
def run_once() -> Iterator[Evidence]:
    """The evidence of one short run with a fixed seed."""
    verdict = run(Order(SEED, seconds=10, rate=150, keep=True))
    folder = Path(str(verdict.figures["evidence"]))
    assert verdict.good, verdict.text()
    yield Evidence.load(folder)
    shutil.rmtree(folder)


@pytest.fixture
def evidence(run_once: Evidence, tmp_path: Path) -> Evidence:
    """A copy of it, to be falsified."""
    shutil.copytree(run_once.folder, tmp_path / "evidence", ignore=shutil.ignore_patterns("*house*"))
    return Evidence.load(tmp_path / "evidence")


def test_p1_to_p5_hold_under_a_schedule_of_faults_with_a_fixed_seed(run_once: Evidence) -> None:
    verdict = judge(run_once)
    assert verdict.good, verdict.text()
    assert len(run_once.done) >= 2
    for figure in ("alerts heard", "messages refused", "  repeated", "  conflicting", "  dead"):
        assert int(verdict.figures[figure]) > 0, f"{figure}: nothing was tried"


def test_p1_to_p5_hold_under_a_schedule_of_faults_with_a_new_seed() -> None:
    order = Order(random.SystemRandom().randrange(1 << 31), seconds=10, rate=150)
    print(order.again)
    verdict = run(order)
    assert verdict.good, f"{order.again}\n{verdict.text()}"


def _change(
    evidence: Evidence, table: str, how: Callable[[list[tables.Cells]], object], run_of: str = "tables"
) -> None:
    path = evidence.folder / run_of / f"{table}.copy"
    rows = list(tables.rows(path))
    how(rows)
    tables.write(path, rows)


def _last_bit(rows: list[tables.Cells], place: int, column: int) -> None:
    cells = list(rows[place])
    cell = cells[column]
    assert cell is not None
    cells[column] = cell[:-1] + bytes([cell[-1] ^ 1])
    rows[place] = tuple(cells)


@pytest.mark.parametrize("table", ["observations", "dead_letters", "encounter_events", "scores", "alert_events"])
def test_the_oracle_sees_a_row_that_is_missing(evidence: Evidence, table: str) -> None:
    _change(evidence, table, lambda rows: rows.pop(len(rows) // 2))
    verdict = judge(evidence)
    assert verdict.faults["rows that differ from the undisturbed run"] == 1
    also = {
        "observations": "acknowledged and not stored",
        "dead_letters": "dead letters missed",
        "encounter_events": "encounter events wrong",
        "alert_events": "alerts not in the tables",
    }
    if table in also:
        assert verdict.faults[also[table]] >= 1


@pytest.mark.parametrize("table", ["observations", "dead_letters", "scores"])
def test_the_oracle_sees_a_row_that_is_doubled(evidence: Evidence, table: str) -> None:
    _change(evidence, table, lambda rows: rows.insert(7, rows[7]))
    verdict = judge(evidence)
    assert verdict.faults["rows that differ from the undisturbed run"] == 1
    assert verdict.faults["stored twice"] == (0 if table == "scores" else 1)


def test_the_oracle_sees_the_last_bit_of_one_score(evidence: Evidence) -> None:
    columns = (evidence.folder / "tables" / "scores.columns").read_text().split()
    _change(evidence, "scores", lambda rows: _last_bit(rows, len(rows) // 3, columns.index("value")))
    assert judge(evidence).faults["rows that differ from the undisturbed run"] == 1


def test_the_oracle_sees_a_value_that_both_runs_have_wrong(evidence: Evidence) -> None:
    """Bit for bit equal is not enough: what was acknowledged says which value it must be, and whose."""
    for run_of in ("tables", "undisturbed"):
        _change(evidence, "observations", lambda rows: _last_bit(rows, 11, 5), run_of)
    verdict = judge(evidence)
    assert verdict.faults["rows that differ from the undisturbed run"] == 0
    assert verdict.faults["acknowledged and not stored"] == verdict.faults["stored and not expected"] == 1


def test_the_oracle_sees_an_alert_that_was_not_heard_or_heard_twice_or_late(evidence: Evidence) -> None:
    heard = evidence.heard
    for changed, what in (
        (heard[:5] + heard[6:], "alerts missed"),
        ([*heard[:5], heard[5], *heard[5:]], "alerts twice"),
        ([*heard[:5], heard[6], heard[5], *heard[7:]], "alerts out of order"),
        ([*heard[:5], replace(heard[5], value=heard[5].value + 1), *heard[6:]], "alerts not in the tables"),
    ):
        evidence.heard = changed
        verdict = judge(evidence)
        assert {name for name, count in verdict.faults.items() if count} == {what}


def test_the_oracle_sees_the_newest_alert_heard_and_in_neither_table(evidence: Evidence) -> None:
    for run_of in ("tables", "undisturbed"):
        _change(evidence, "alert_events", lambda rows: rows.remove(max(rows)), run_of)
    verdict = judge(evidence)
    assert {name for name, count in verdict.faults.items() if count} == {"alerts not in the tables"}


def test_the_oracle_sees_what_was_acknowledged_and_is_not_in_the_journal(evidence: Evidence) -> None:
    plan = Plan(evidence.shape)
    refused = next(n for n in range(plan.total) if plan.frame(n).refused is not None and evidence.ledger.refused[n])
    evidence.ledger.acknowledged[refused] += 1
    assert judge(evidence).faults["acknowledged and not journalled"] == 1


def test_the_oracle_sees_what_was_refused_and_is_in_the_journal(evidence: Evidence) -> None:
    taken = int(evidence.ledger.acknowledged.argmax())
    evidence.ledger.refused[taken] += 1
    evidence.ledger.acknowledged[taken] -= 1
    assert judge(evidence).faults["refused and journalled"] == 1


def test_the_oracle_sees_counters_that_do_not_add_up(evidence: Evidence) -> None:
    evidence.metrics["nightlamp_pipeline_frames_dead_total"] += 1
    evidence.metrics_undisturbed["nightlamp_pipeline_frames_repeated_total"] -= 1
    verdict = judge(evidence)
    assert verdict.faults["counters that do not add up"] == 2
    assert verdict.faults["unaccounted"] == 1


def test_a_seed_replays() -> None:
    """The same plan but for the time it begins, the same schedule; another seed, another."""
    one, again, other = (Plan(Shape(seed, 400, 10**15)) for seed in (9, 9, 10))
    assert [one.frame(n) for n in range(one.total)] == [again.frame(n) for n in range(one.total)]
    assert [one.frame(n) for n in range(one.total)] != [other.frame(n) for n in range(one.total)]
    assert schedule(9, 60) == schedule(9, 60) != schedule(10, 60)
    assert [Dice(9, 3).below(100) for _ in range(3)] == [Dice(9, 3).below(100) for _ in range(3)]


def test_every_frame_names_its_number_and_every_observation_its_frame() -> None:
    plan = Plan(Shape(5, 4_000, 10**15))
    frames = [plan.frame(n) for n in range(plan.total)]
    assert [number_of(frame.body) for frame in frames] == list(range(plan.total))
    rows = [(row.patient, row.signal, row.at_us) for frame in frames for row in frame.rows]
    assert len(rows) == len(set(rows))
    lanes = [n for lane in range(len(plan.shape.lanes)) for n in plan.of_lane(lane)]
    assert sorted(lanes) == list(range(plan.shape.patients, plan.total))


def test_the_signals_sent_are_those_of_the_catalogue() -> None:
    known = {entry["number"]: entry for entry in catalogue()}
    for signal in SIGNALS:
        assert signal.loinc in known[signal.number]["loinc"]
        assert signal.unit == known[signal.number]["unit"]
