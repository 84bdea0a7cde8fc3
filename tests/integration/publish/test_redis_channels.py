"""The Redis channels, over a real redis-server that comes and goes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import redis.asyncio
from stream_server import RedisServer, until
from ward_batches import Batch, alert, left, patient

from nightlamp.publish import Hub, PublishLimits, RedisChannels, redis_channels
from nightlamp.publish.redis_line import channel
from nightlamp.publish.words import without_words

LIMITS = PublishLimits(redis_retry_s_max=0.2, redis_alerts_max=50, redis_patients_max=20, redis_timeout_s=1.0)


@asynccontextmanager
async def publishing(url: str, limits: PublishLimits = LIMITS) -> AsyncIterator[Hub]:
    hub = Hub("journal-a", limits=limits)
    channels = RedisChannels(url, limits=limits, stats=hub.stats)
    hub.taps.append(channels.put)
    task = asyncio.create_task(channels.run())
    try:
        yield hub
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def listening(url: str, pattern: str = "nightlamp.*") -> AsyncIterator[Any]:
    client = redis.asyncio.Redis.from_url(url)
    async with client, client.pubsub() as subscriber:
        await subscriber.psubscribe(pattern)
        await subscriber.get_message(timeout=5)

        async def heard() -> tuple[str, dict[str, Any]]:
            while (message := await subscriber.get_message(ignore_subscribe_messages=True, timeout=5)) is None:
                pass
            return message["channel"].decode(), json.loads(message["data"])

        yield heard


async def test_scores_and_alerts_go_to_the_channels_of_their_unit(redis_server: RedisServer) -> None:
    await redis_server.start()
    async with publishing(redis_server.url) as hub, listening(redis_server.url) as heard:
        hub.offer(
            Batch([patient(1, "p1", "ICU-1"), patient(1, "p2", "B"), alert(1, "p1", "ICU-1"), left(2, "p3", "B")])
        )
        messages = [await heard() for _ in range(4)]
    assert {(name, m["type"], m["patient"]) for name, m in messages} == {
        ("nightlamp.ICU-1.scores", "patient", "p1"),
        ("nightlamp.ICU-1.alerts", "alert", "p1"),
        ("nightlamp.B.scores", "patient", "p2"),
        ("nightlamp.B.scores", "left", "p3"),
    }


async def test_what_waits_for_redis_is_looked_through_once_it_is_sent_and_not_before(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[bytes] = []

    def count(body: bytes) -> bytes:
        looked_at.append(body)
        return without_words(body)

    monkeypatch.setattr(redis_channels, "without_words", count)
    hub = Hub("journal-a", limits=LIMITS)
    channels = RedisChannels(redis_server.url, limits=LIMITS, stats=hub.stats)
    hub.taps.append(channels.put)
    for seq in range(1, 101):
        hub.offer(Batch([patient(seq, "p1", note="Mrs Nightingale"), alert(seq, note="Mrs Nightingale")]))
    assert looked_at == [], "Redis is away"
    await redis_server.start()
    async with listening(redis_server.url) as heard:
        task = asyncio.create_task(channels.run())
        told = [(await heard())[1] for _ in range(LIMITS.redis_alerts_max + 1)]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert {one["note"] for one in told} == {""}
    assert len(set(looked_at)) == LIMITS.redis_alerts_max + 1, "the newest state, and the alerts that were kept"


async def test_redis_never_carries_what_people_wrote(redis_server: RedisServer) -> None:
    await redis_server.start()
    async with publishing(redis_server.url) as hub, listening(redis_server.url) as heard:
        said = {"note": "Mrs Nightingale", "by": "k1"}
        hub.offer(Batch([patient(1, "p1", alerts=[said]), alert(1, "p1", **said)]))
        told = {message["type"]: message for message in [(await heard())[1] for _ in range(2)]}
    assert (told["alert"]["note"], told["alert"]["by"]) == ("", "k1")
    assert told["patient"]["alerts"] == [{"note": "", "by": "k1"}]


async def test_redis_down_at_the_start_delays_alerts_and_loses_none(redis_server: RedisServer) -> None:
    async with publishing(redis_server.url) as hub:
        hub.offer(Batch([patient(seq, "p1") for seq in range(1, 6)]))
        hub.offer(Batch([alert(seq) for seq in range(1, 31)]))
        await until(lambda: hub.stats.redis_failures >= 2)
        assert hub.stats.redis_up == 0
        assert hub.stats.redis_waiting == 31
        await redis_server.start()
        await until(lambda: hub.stats.redis_published == 31)
        assert hub.stats.redis_up == 1
        assert hub.stats.redis_alerts_dropped == 0


async def test_a_redis_restarted_gets_the_alerts_of_the_meantime_in_order(redis_server: RedisServer) -> None:
    await redis_server.start()
    async with publishing(redis_server.url) as hub:
        hub.offer(Batch([alert(1)]))
        await until(lambda: hub.stats.redis_published == 1)
        await redis_server.kill()
        for seq in range(2, 12):
            hub.offer(Batch([patient(seq, "p1"), alert(seq)]))
        await until(lambda: hub.stats.redis_failures >= 1)
        await redis_server.start()
        async with listening(redis_server.url, "nightlamp.*.alerts") as heard:
            await until(lambda: hub.stats.redis_up == 1)
            hub.offer(Batch([alert(12)]))
            cursors = [int((await heard())[1]["cursor"]) >> 16]
            while cursors[-1] < 12:
                cursors.append(int((await heard())[1]["cursor"]) >> 16)
        await until(lambda: hub.stats.redis_waiting == 0)
    assert cursors == list(range(cursors[0], 13))
    assert hub.stats.redis_alerts_dropped == 0


async def test_a_redis_away_for_too_long_costs_the_oldest_alerts_and_the_counter_says_how_many(
    redis_server: RedisServer,
) -> None:
    async with publishing(redis_server.url) as hub:
        for seq in range(1, 71):
            hub.offer(Batch([alert(seq), patient(seq, f"p{seq % 30}")]))
        await until(lambda: hub.stats.redis_failures >= 1)
        assert hub.stats.redis_alerts_dropped == 20
        assert hub.stats.redis_waiting == 50 + 20
        assert hub.stats.redis_patients_dropped + hub.stats.redis_patients_conflated + 20 == 70
        await redis_server.start()
        await until(lambda: hub.stats.redis_published == 70)


async def test_a_redis_that_refuses_is_asked_again_and_counts_as_a_failure(redis_server: RedisServer) -> None:
    await redis_server.start()
    async with redis.asyncio.Redis.from_url(redis_server.url) as admin, publishing(redis_server.url) as hub:
        hub.offer(Batch([alert(1)]))
        await until(lambda: hub.stats.redis_published == 1)
        await admin.execute_command("ACL", "SETUSER", "default", "-publish")
        hub.offer(Batch([alert(2), alert(3), patient(3, "p1")]))
        await until(lambda: hub.stats.redis_failures >= 1)
        assert (hub.stats.redis_up, hub.stats.redis_published) == (0, 1)
        await admin.execute_command("ACL", "SETUSER", "default", "+publish")
        await until(lambda: hub.stats.redis_published == 4)
        assert (hub.stats.redis_up, hub.stats.redis_alerts_dropped) == (1, 0)


async def test_a_channel_that_redis_refuses_holds_up_no_other_and_gets_its_alerts_in_order_once_it_may(
    redis_server: RedisServer,
) -> None:
    await redis_server.start()
    limits = PublishLimits(redis_retry_s_max=0.1, redis_pipeline_max=50)
    url = redis_server.url.replace("://", "://watch:secret@")
    async with (
        redis.asyncio.Redis.from_url(redis_server.url) as admin,
        publishing(url, limits) as hub,
        listening(redis_server.url) as heard,
    ):

        async def may_publish_to(*channels: str) -> None:
            await admin.execute_command("ACL", "SETUSER", "watch", "resetchannels", *channels)

        await admin.execute_command("ACL", "SETUSER", "watch", "on", ">secret", "+@all", "allchannels")
        hub.offer(Batch([alert(1, unit="B")]))
        assert (await heard())[0] == "nightlamp.B.alerts"
        lines = (await admin.info("stats"))["total_connections_received"]
        await may_publish_to("&nightlamp.B.*", "&nightlamp.*.scores")
        hub.offer(Batch([alert(seq, unit="ICU-1") for seq in range(2, 202)]))
        await until(lambda: hub.stats.redis_failures >= 2)
        hub.offer(Batch([alert(202, unit="B"), patient(203, "p1", "ICU-1"), alert(204, unit="ICU-1")]))
        told = [await heard() for _ in range(2)]
        assert {name for name, _ in told} == {"nightlamp.B.alerts", "nightlamp.ICU-1.scores"}
        await until(lambda: (hub.stats.redis_up, hub.stats.redis_waiting) == (0, 201))
        assert (await admin.info("stats"))["total_connections_received"] > lines, "rights may come with a new line only"
        await may_publish_to("allchannels")
        cursors = [int((await heard())[1]["cursor"]) >> 16 for _ in range(201)]
        assert cursors == [*range(2, 202), 204]
        await until(lambda: (hub.stats.redis_up, hub.stats.redis_waiting) == (1, 0))
        assert hub.stats.redis_alerts_dropped == 0


async def test_p5_what_waits_for_a_refused_channel_is_bounded_and_costs_no_other_its_alerts(
    redis_server: RedisServer,
) -> None:
    await redis_server.start()
    async with redis.asyncio.Redis.from_url(redis_server.url) as admin, publishing(redis_server.url) as hub:
        await admin.execute_command("ACL", "SETUSER", "default", "resetchannels", "&nightlamp.B.*")
        for seq in range(1, 101):
            hub.offer(Batch([alert(seq, unit="ICU-1"), alert(seq, unit="B", ordinal=2)]))
            await until(lambda seq=seq: hub.stats.redis_published >= seq)
        assert hub.stats.redis_published == 100
        await until(lambda: hub.stats.redis_waiting + hub.stats.redis_alerts_dropped == 100)
        assert 49 <= hub.stats.redis_waiting <= 50


def test_a_unit_name_cannot_leave_its_channel() -> None:
    assert channel("ICU-1", "alerts") == "nightlamp.ICU-1.alerts"
    assert channel("A.scores", "alerts") == "nightlamp.A%2Escores.alerts"
    assert channel("St. Ägid *", "scores") == "nightlamp.St%2E%20%C3%84gid%20%2A.scores"
    assert channel("", "scores") == "nightlamp._.scores"
