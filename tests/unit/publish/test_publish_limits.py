"""P5 towards consoles and Redis: what one client may say, and how much is written at once."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from ward_batches import Batch, alert, patient

from nightlamp.publish import Hub, PublishLimits, RedisChannels
from nightlamp.publish.client import Subscription
from nightlamp.publish.subscribe import Invalid, parse


def _said(units: int, patients: int) -> str:
    names = {"units": [f"u{n}" for n in range(units)], "patients": [f"p{n}" for n in range(patients)]}
    return json.dumps({"subscribe": names})


def test_p5_a_message_of_a_client_is_bounded() -> None:
    limits = PublishLimits(client_message_bytes_max=100)
    text = _said(1, 1)
    assert parse(text + " " * (100 - len(text)), limits).subscription.units == {"u0"}
    with pytest.raises(Invalid) as refused:
        parse(text + " " * (101 - len(text)), limits)
    assert refused.value.code == 1009


def test_p5_the_names_of_a_subscription_are_bounded() -> None:
    limits = PublishLimits(subscription_names_max=5)
    assert len(parse(_said(2, 3), limits).subscription.patients) == 3
    with pytest.raises(Invalid, match="at most 5 names"):
        parse(_said(3, 3), limits)


def test_p5_one_write_to_a_client_is_bounded() -> None:
    hub = Hub("journal-a", limits=PublishLimits(write_bytes_target=500))
    with hub.attached(Subscription(everything=True), None, None) as client:
        hub.offer(Batch([patient(1, f"p{n}") for n in range(40)]))
        sizes, largest = [], 0
        while taken := client.take(hub.limits.write_bytes_target):
            largest = max(largest, *(len(body) for body in taken))
            sizes.append(sum(len(body) for body in taken))
    assert len(sizes) > 1
    assert max(sizes) < 500 + largest


async def test_p5_what_is_sent_to_redis_before_its_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is exchanged for one that only counts: a real Redis would not say how much came at once."""
    hub = Hub("journal-a", limits=PublishLimits(redis_pipeline_max=7))
    channels = RedisChannels("redis://127.0.0.1:1", limits=hub.limits, stats=hub.stats)
    hub.taps.append(channels.put)
    hub.offer(Batch([alert(n) for n in range(1, 11)] + [patient(20, f"p{n}") for n in range(10)]))
    sent: list[int] = []

    async def count(commands: Sequence[bytes]) -> set[int]:
        sent.append(len(commands))
        return set()

    monkeypatch.setattr(channels._line, "exchange", count)
    running = asyncio.create_task(channels.run())
    async with asyncio.timeout(10):
        while hub.stats.redis_waiting:  # noqa: ASYNC110 - a condition of code under test, which sets no event
            await asyncio.sleep(0)
    running.cancel()
    assert sent == [7, 7, 6]
