"""Queue and pace: the most urgent first, bounded; attempts a minute bounded; back-off doubles within bounds."""

import json
from typing import Any

from alert_steps import step
from hypothesis import given, settings
from hypothesis import strategies as st

from nightlamp.notify.event import step_of
from nightlamp.notify.pace import Rate, backoff_s
from nightlamp.notify.waiting import URGENCY, Job, Waiting


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


def test_an_older_step_of_an_alert_goes_first_though_the_newer_is_more_urgent_and_while_it_backs_off() -> None:
    waiting = Waiting(10)
    opened, other = _job(1, "medium", not_before_s=50), _job(3, "medium")
    raised = Job(step_of(json.dumps(step(2, severity="high", kind="raised", id=opened.step.id)).encode()), "ward")
    for job in (raised, other, opened):
        waiting.put(job)
    assert waiting.next_at_s() == 0
    assert waiting.pop(1) is other
    assert waiting.next_at_s() == 50, "what waits behind an older one is not looked at until then"
    assert waiting.pop(1) is None
    assert [waiting.pop(50), waiting.pop(50), waiting.pop(50)] == [opened, raised, None]


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
