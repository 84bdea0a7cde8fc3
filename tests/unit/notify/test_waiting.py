"""Queue and pace: the most urgent first, bounded; attempts a minute bounded; back-off doubles within bounds."""

import json
from typing import Any

from alert_steps import step
from hypothesis import given, settings
from hypothesis import strategies as st

from nightlamp.notify.event import step_of
from nightlamp.notify.pace import Rate, backoff_s
from nightlamp.notify.waiting import HOLDING_ATTEMPTS, URGENCY, Job, Waiting


def _job(seq: int, severity: str = "high", **more: Any) -> Job:
    return Job(step_of(json.dumps(step(seq, severity=severity)).encode()), "ward", **more)


def test_the_most_urgent_goes_first_and_the_oldest_of_them() -> None:
    waiting = Waiting(10)
    for seq, severity in enumerate(["low", "high", "technical", "medium", "high"], 1):
        waiting.put(_job(seq, severity))
    order = [job.step.seq for job in iter(lambda: waiting.pop(0), None)]
    assert order == [2, 5, 4, 3, 1]


def test_a_job_in_its_back_off_lets_others_pass() -> None:
    waiting = Waiting(10)
    waiting.put(_job(1, not_before_s=50))
    waiting.put(_job(2, "low"))
    assert [waiting.pop(1).step.seq, waiting.pop(1), waiting.pop(50).step.seq] == [2, None, 1]  # type: ignore[union-attr]


def _later(job: Job, seq: int, severity: str = "high", **more: Any) -> Job:
    """A later step of its alert."""
    said = step(seq, severity=severity, kind="raised", id=job.step.id)
    return Job(step_of(json.dumps(said).encode()), "ward", **more)


def test_an_older_step_of_an_alert_goes_first_in_the_turn_of_a_newer_that_is_more_urgent_or_ready_sooner() -> None:
    waiting = Waiting(10)
    opened, other = _job(1, "medium", attempts=1, not_before_s=50), _job(3, "medium", not_before_s=2)
    raised = _later(opened, 2, attempts=1, not_before_s=20)
    for job in (raised, other, opened):
        waiting.put(job)
    assert waiting.next_at_s() == 2
    assert [waiting.pop(1), waiting.pop(2)] == [None, other]
    assert waiting.next_at_s() == 20, "the older need not sit out its own back-off"
    assert [waiting.pop(19), waiting.pop(20), waiting.pop(20)] == [None, opened, raised]


def test_a_step_that_failed_often_holds_back_no_later_step_of_its_alert() -> None:
    waiting, opened = Waiting(10), _job(1, attempts=HOLDING_ATTEMPTS, not_before_s=50)
    raised = _later(opened, 2, attempts=1, not_before_s=30)
    escalated = _later(opened, 3, attempts=1, not_before_s=10)
    for job in (opened, raised, escalated):
        waiting.put(job)
    assert waiting.next_at_s() == 10
    assert [waiting.pop(9), waiting.pop(10), waiting.pop(10)] == [None, raised, escalated]
    assert [waiting.next_at_s(), waiting.pop(49), waiting.pop(50)] == [50, None, opened]


def test_a_step_that_failed_often_comes_after_one_that_did_not_and_before_one_that_did_too() -> None:
    waiting, opened = Waiting(10), _job(1, attempts=HOLDING_ATTEMPTS)
    raised, escalated = _later(opened, 2, attempts=HOLDING_ATTEMPTS), _later(opened, 3)
    for job in (opened, raised, escalated):
        waiting.put(job)
    assert [waiting.pop(0) for _ in range(4)] == [escalated, opened, raised, None]


def test_what_replaces_another_has_its_place_in_the_queue() -> None:
    waiting = Waiting(3)
    older, other, last = _job(1), _job(2), _job(3)
    for job in (older, other, last):
        waiting.put(job)
    newer = _later(older, 4)
    assert waiting.put(newer, [older]) is None
    assert list(waiting) == [newer, other, last]
    milder = _later(older, 5, "low")
    assert waiting.put(milder, [newer]) is None
    assert list(waiting) == [other, last, milder]


#: Severity and alert of a step that comes, or None: a job is taken at a time, and put back until another, or ended.
_TURN = st.tuples(
    st.none() | st.tuples(st.sampled_from(URGENCY), st.integers(1, 3)),
    st.integers(0, 10),
    st.none() | st.integers(0, 10),
)


@settings(deadline=None, max_examples=50)
@given(st.lists(_TURN, max_size=40))
def test_steps_of_an_alert_leave_in_order_and_each_job_once_whatever_is_put_taken_and_put_back(
    turns: list[tuple[tuple[str, int] | None, int, int | None]],
) -> None:
    waiting, inside = Waiting(8), 0
    for seq, (coming, at_s, again_s) in enumerate(turns, 1):
        if coming is not None:
            more = {"severity": coming[0], "id": str(coming[1])}
            gave_way = waiting.put(Job(step_of(json.dumps(step(seq, **more)).encode()), "ward"))
            inside += gave_way is None
        elif (job := waiting.pop(at_s)) is not None:
            assert all(job.step.seq < one.step.seq for one in waiting.about(job.step.id))
            if again_s is not None:
                job.not_before_s = again_s
                assert waiting.put(job) is None
            else:
                inside -= 1
        assert len(waiting) == inside
    left = list(iter(lambda: waiting.pop(10), None))
    assert len(left) == inside
    assert waiting.next_at_s() is None


@given(st.lists(st.sampled_from(URGENCY), max_size=60), st.integers(1, 10))
def test_p5_a_queue_never_outgrows_its_limit_and_gives_up_the_least_urgent(
    severities: list[str], queue_max: int
) -> None:
    waiting, gave_way = Waiting(queue_max), []
    for seq, severity in enumerate(severities, 1):
        gave_way.append(waiting.put(_job(seq, severity)))
        assert len(waiting) <= queue_max
    kept = [URGENCY.index(job.step.severity) for job in waiting]
    assert kept == sorted(URGENCY.index(severity) for severity in severities)[:queue_max]
    assert len([job for job in gave_way if job]) == max(0, len(severities) - queue_max)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=200), st.integers(1, 20))
def test_p5_no_minute_has_more_attempts_than_the_rate_allows(gaps_s: list[float], per_minute: int) -> None:
    rate, now_s, made = Rate(per_minute), 1_000.0, []
    for gap_s in gaps_s:
        now_s = max(now_s + gap_s, rate.free_at_s())
        rate.note(now_s)
        made.append(now_s)
    for at_s in made:
        assert sum(at_s <= other < at_s + 60 for other in made) <= per_minute


@given(st.integers(1, 10_000), st.floats(0.01, 10), st.floats(10, 1_000))
def test_p5_a_pause_stays_within_its_bounds(failures: int, least_s: float, most_s: float) -> None:
    full_s = min(most_s, least_s * 2.0 ** min(failures - 1, 60))
    assert full_s / 2 <= backoff_s(failures, least_s, most_s) <= full_s <= most_s


def test_pauses_differ_so_that_channels_do_not_come_back_together() -> None:
    assert len({backoff_s(5, 1, 60) for _ in range(20)}) > 1
