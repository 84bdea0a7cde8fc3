"""One channel over real sockets: services that take, refuse, hang, drop, are away and come back."""

import asyncio
import io
import json
import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from alert_steps import step
from notified import Channels, channel, so
from sinks import Sink, SmtpSink, WebhookSink, text_of

from nightlamp.notify.address import Address
from nightlamp.notify.courier import GRACE_S, THREADS_MAX, Courier
from nightlamp.notify.event import step_of
from nightlamp.notify.health import Health
from nightlamp.notify.waiting import Job
from nightlamp.notify.words import TEST_MARK, trial_message
from nightlamp.observe import logs
from nightlamp.settings import Log


def job(name: str, seq: int = 1, **more: Any) -> Job:
    return Job(step_of(json.dumps(step(seq, **more)).encode()), name)


def said(sink: Sink, place: int = 0) -> str:
    """What a sink took, as text."""
    took = sink.taken[place]
    return f"{took['title']}\n{took['message']}" if isinstance(took, dict) else text_of(took)


async def test_a_message_arrives_with_its_words_and_its_link(channels: Channels, sink: Sink) -> None:
    running, one = channels.start("ward", sink.url()), job("ward")
    running.delivery.put(one)
    await running.ended(one)
    assert running.state(one) == "delivered"
    text = said(sink)
    assert "HIGH alert news2-high opened" in text
    assert "NEWS2 7 reached 7, frame 1" in text
    assert "ICU-1 07" in text
    assert "https://lamp.example/console/#/patient/" in text


@pytest.mark.parametrize("mode", ["refuse", "drop", "away"])
async def test_what_a_service_does_not_take_is_tried_until_it_does(channels: Channels, sink: Sink, mode: str) -> None:
    running, jobs = channels.start("ward", sink.url()), [job("ward", seq) for seq in (1, 2, 3)]
    if mode == "away":
        sink.close()
    sink.mode = mode
    for one in jobs:
        running.delivery.put(one)
    await so(lambda: sum(one.attempts for one in running.jobs.values()) >= 4)
    assert {running.state(one) for one in jobs} <= {"waiting", ""}
    assert running.stats.error in {"refused", "connection", "http_503"}
    sink.mode = "take"
    if mode == "away":
        sink.open()
    await running.ended(*jobs)
    assert [running.state(one) for one in jobs] == ["delivered"] * 3
    assert len(sink.taken) == 3
    assert (running.stats.waiting, running.stats.outcomes) == (0, {"delivered": 3})


async def test_a_dead_channel_is_told_once_and_its_recovery_once(channels: Channels, webhook: WebhookSink) -> None:
    webhook.mode = "refuse"
    running, one = channels.start("pager", webhook.url()), job("pager")
    running.delivery.put(one)
    await so(lambda: one.attempts >= 6)
    assert running.stats.dead
    webhook.mode = "take"
    await running.ended(one)
    assert [(name, dead) for name, dead, _ in running.health] == [("pager", True), ("pager", False)]
    assert running.health[0][2] == "channel pager: the last 3 attempts failed (http_503), 1 message waits"


async def test_the_first_delivery_of_a_run_says_that_the_channel_lives(channels: Channels, smtp: SmtpSink) -> None:
    """An earlier run may have left it dead."""
    running, jobs = channels.start("ward", smtp.url()), [job("ward", 1), job("ward", 2)]
    for one in jobs:
        running.delivery.put(one)
    await running.ended(*jobs)
    assert running.health == [("ward", False, "messages are taken again")]


async def test_the_state_of_a_channel_is_told_until_the_journal_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightlamp.notify.health.RETRY_S", 0.01)
    told, refusals = list[tuple[str, bool]](), 3

    async def tell(name: str, *, dead: bool, reason: str) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise OSError("full")
        told.append((name, dead))

    health = Health(tell)
    task = asyncio.create_task(health.run())
    health.put("pager", True, "why")
    health.put("mail", True, "why")
    await so(lambda: len(told) == 2)
    health.put("pager", False, "why")
    await so(lambda: len(told) == 3)
    task.cancel()
    assert sorted(told[:2]) == [("mail", True), ("pager", True)]
    assert told[2] == ("pager", False)


async def test_a_channel_that_fails_for_long_is_dead_after_few_attempts(channels: Channels, smtp: SmtpSink) -> None:
    smtp.mode = "refuse"
    running = channels.start("ward", smtp.url(), dead_failures=1_000, dead_s=0.5, backoff_s_min=0.3, backoff_s_max=0.3)
    running.delivery.put(job("ward"))
    await so(lambda: running.stats.dead)
    assert 1 <= running.stats.failures_in_row < 1_000


async def test_a_service_that_hangs_holds_up_nobody_else_and_is_given_up(
    channels: Channels, smtp: SmtpSink, webhook: WebhookSink
) -> None:
    smtp.mode = "hang"
    hanging, other = channels.start("mail", smtp.url()), channels.start("hook", webhook.url())
    stuck, free = job("mail"), [job("hook", seq) for seq in range(1, 21)]
    hanging.delivery.put(stuck)
    for one in free:
        other.delivery.put(one)
    await other.ended(*free)
    assert hanging.state(stuck) in {"", "waiting"}
    await so(lambda: stuck.attempts)
    assert stuck.error == "timeout"
    smtp.mode = "take"
    await hanging.ended(stuck)
    assert hanging.state(stuck) == "delivered"


class Stubborn:
    """A service that never lets go until it is told to."""

    throttle_s = 0.0

    def __init__(self) -> None:
        self.free = threading.Event()

    def send(self, message: Any) -> Any:
        self.free.wait(60)


async def test_p5_attempts_that_never_end_take_a_bounded_number_of_threads() -> None:
    sender = Stubborn()
    courier, message = Courier("mail", sender, -GRACE_S + 0.05), trial_message("mail", datetime.now(UTC))
    before = set(threading.enumerate())
    errors = [(await courier.send(message)).error for _ in range(THREADS_MAX + 3)]
    assert errors == ["timeout"] * THREADS_MAX + ["busy"] * 3
    assert len(set(threading.enumerate()) - before) == THREADS_MAX
    sender.free.set()
    await so(lambda: not courier.hanging)


async def test_an_attempt_that_cannot_begin_or_raises_has_failed_like_any_other(
    channels: Channels, webhook: WebhookSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a limit of processes no thread can be started; a sender of another make may raise."""
    running, one = channels.start("ward", webhook.url()), job("ward")

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr("nightlamp.notify.courier.threading.Thread.start", refuse)
        running.delivery.put(one)
        await so(lambda: one.attempts >= 3)
        assert (running.stats.error, running.stats.dead, running.courier.hanging) == ("internal", True, 0)
    await running.ended(one)
    assert running.state(one) == "delivered"
    sender = Stubborn()
    monkeypatch.setattr(sender, "send", lambda _: 1 / 0)
    assert (await Courier("mail", sender, 5.0).send(trial_message("mail", datetime.now(UTC)))).error == "internal"


async def test_p5_attempts_and_age_are_bounded(channels: Channels, webhook: WebhookSink) -> None:
    webhook.mode = "refuse"
    few = channels.start("few", webhook.url(), attempts_max=3)
    one = job("few")
    few.delivery.put(one)
    await few.ended(one)
    assert (few.state(one), one.attempts, one.error) == ("failed", 3, "http_503")
    old = channels.start("old", webhook.url(), age_s_max=10)
    late, young = job("old", 1, age_s=11), job("old", 2, age_s=8)
    for each in (late, young):
        old.delivery.put(each)
    await old.ended(late, young)
    assert (old.state(late), late.attempts) == ("expired", 0)
    assert (old.state(young), young.attempts > 0) == ("expired", True)


async def test_p5_a_full_queue_gives_up_the_least_urgent_and_says_so(channels: Channels, webhook: WebhookSink) -> None:
    webhook.mode = "refuse"
    running = channels.start("ward", webhook.url(), queue_max=3, backoff_s_min=5.0, backoff_s_max=5.0)
    jobs = [job("ward", seq, severity=severity) for seq, severity in enumerate(["low", "high", "medium", "high"], 1)]
    for one in jobs:
        running.delivery.put(one)
    assert [running.state(one) for one in jobs] == ["dropped", "", "", ""]
    assert (running.stats.queued, running.stats.waiting, running.stats.outcomes["dropped"]) == (4, 3, 1)


async def test_p5_no_more_messages_a_minute_than_the_channel_allows(channels: Channels, webhook: WebhookSink) -> None:
    running = channels.start("sms", webhook.url(), rate=2)
    jobs = [job("sms", 1, severity="low"), *(job("sms", seq) for seq in (2, 3, 4))]
    for one in jobs:
        running.delivery.put(one)
    await running.ended(jobs[1], jobs[2])
    await asyncio.sleep(0.3)
    assert len(webhook.taken) == 2
    assert [running.state(one) for one in jobs] == ["", "delivered", "delivered", ""]
    assert running.stats.waiting == 2


async def test_the_steps_of_an_alert_arrive_in_their_order_though_the_first_failed_and_the_last_came_meanwhile(
    channels: Channels, webhook: WebhookSink
) -> None:
    """The channel's pause ends before the first step's own: what came last would overtake it."""
    webhook.mode = "refuse"
    running = channels.start("ward", webhook.url(), backoff_s_min=1.0, backoff_s_max=1.0)
    dead = {"severity": "technical", "rule": "channel-dead", "id": "7"}
    opened, cleared = job("ward", 1, **dead), job("ward", 2, kind="cleared", **dead)
    running.delivery.put(opened)
    await so(lambda: opened.attempts and opened.not_before_s > time.monotonic())  # it waits, it is not under way
    running.delivery.put(cleared)
    opened.not_before_s += 1.0
    webhook.mode = "take"
    await running.ended(opened, cleared)
    assert [running.state(one) for one in (opened, cleared)] == ["delivered", "delivered"]
    assert [said(webhook, place).split("\n")[0].split()[-1] for place in (0, 1)] == ["opened", "cleared"]


async def test_of_reminders_that_wait_the_newest_alone_is_sent(channels: Channels, webhook: WebhookSink) -> None:
    webhook.mode = "refuse"
    running = channels.start("pager", webhook.url(), dead_failures=1_000)
    for_role = {"kind": "reminded", "id": "7"}
    jobs = [job("pager", seq, to="physician", **for_role) for seq in (2, 3, 4)]
    other = job("pager", 1, to="charge_nurse", **for_role)
    for one in (other, *jobs):
        running.delivery.put(one)
    await so(lambda: running.stats.failures_in_row)
    webhook.mode = "take"
    await running.ended(other, *jobs)
    assert [running.state(one) for one in (other, *jobs)] == ["delivered", "superseded", "superseded", "delivered"]
    assert running.stats.queued == sum(running.stats.outcomes.values()) == 4


async def test_p4_every_message_ends_under_one_name_or_still_waits(channels: Channels, webhook: WebhookSink) -> None:
    running = channels.start("ward", webhook.url(), queue_max=20, attempts_max=2)
    for seq in range(1, 61):
        webhook.mode = "refuse" if seq % 3 == 0 else "take"
        running.delivery.put(job("ward", seq, age_s=5_000 if seq % 7 == 0 else 0))
        await asyncio.sleep(0.005)
        stats = running.stats
        assert stats.queued == sum(stats.outcomes.values()) + stats.waiting
    told = {state[-1] for state in running.states.values()}
    assert told <= {"delivered", "failed", "expired", "dropped", "waiting"}


async def test_p6_no_secret_is_in_a_log_an_error_or_a_state(channels: Channels, sink: Sink) -> None:
    heard = io.StringIO()
    logs.configure(Log(level="debug"))
    root = logging.getLogger()
    assert isinstance(root.handlers[0], logging.StreamHandler)
    root.handlers[0].setStream(heard)
    try:
        address = sink.url("s3cr3t")
        running, one = channels.start("ward", address), job("ward")
        for mode in ("refuse", "drop", "take"):
            sink.mode = mode
            running.delivery.put(job("ward", 2 + len(mode)))
            await asyncio.sleep(0.3)
        running.delivery.put(one)
        await running.ended(one)
        structlog.get_logger("test").info("the log is heard")
    finally:
        structlog.reset_defaults()
        root.handlers[:] = []
    text = heard.getvalue()
    assert "the log is heard" in text
    told = repr(running.states) + repr(running.health) + repr(running.stats) + text
    for secret in ("s3cr3t", "127.0.0.1", "nurse@", str(sink.port)):
        assert secret not in told


async def test_a_test_message_is_marked(channels: Channels, sink: Sink) -> None:
    sender = Address(channel(channels.folder, "ward", sink.url()), 5)
    outcome = await Courier("ward", sender, 5).send(trial_message("ward", datetime.now(UTC)))
    assert not outcome.error
    assert TEST_MARK in said(sink)
