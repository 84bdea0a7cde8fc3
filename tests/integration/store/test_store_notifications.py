"""Deliveries remembered in the database: a restart sends what was not delivered, nothing else, and nothing old."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alert_steps import Batch, batch, entry
from copy_rows import alert
from copy_rows import batch as rows
from notified import FAST, channel, so
from sinks import WebhookSink

from nightlamp.notify import farewell, lasting
from nightlamp.notify.courier import Courier
from nightlamp.notify.health import Tell
from nightlamp.notify.service import Service
from nightlamp.settings import Notify, Route, Settings
from nightlamp.store import Store

SECRET = "s3cr3t"


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as found:
        yield found


@pytest.fixture(autouse=True)
def _no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("NIGHTLAMP_")]:
        monkeypatch.delenv(name)


class House:
    """Runs of notifications on one database, one after the other."""

    def __init__(self, folder: Path, url: str, store: Store, sink: WebhookSink) -> None:
        self.folder, self.url, self.store, self.sink = folder, url, store, sink
        self.names = ["ward"]

    @asynccontextmanager
    async def run(
        self, *, url: str = "", tell: Tell | None = None, **settings: Any
    ) -> AsyncIterator[tuple[Service, Callable[[Batch], None]]]:
        """One run, from start to stop."""
        channels = [channel(self.folder, name, self.sink.url(SECRET)) for name in self.names]
        notify = Notify(channels=channels, routes=[Route(channels=self.names)], **(FAST | settings))
        service = Service(Settings(notify=notify))
        notifier = service.begin(url or self.url, self.store.alert_messages, tell)
        assert notifier is not None
        task = asyncio.create_task(notifier.run())
        try:
            yield service, notifier.put
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def keep(self, *seqs: int, age_s: float = 0, at: datetime | None = None) -> None:
        """Store the opening of one alert a frame, as the route does."""
        at = at or datetime.now(UTC) - timedelta(seconds=age_s)
        events = [alert(seq, seq << 16, 1, at=at, reason=f"frame {seq}") for seq in seqs]
        await self.store.write(rows(await self.store.cursor() + 1, max(seqs), alert_events=events))

    async def has(self, count: int) -> None:
        """Once the sink took so many."""
        await so(lambda: len(self.sink.taken) >= count)

    def told(self) -> list[str]:
        """The frames told of, by the reasons in what the sink took."""
        return sorted(line for took in self.sink.taken for line in took["message"].split("\n") if "frame" in line)


@pytest.fixture
def house(tmp_path: Path, url: str, store: Store, sink: WebhookSink) -> House:
    return House(tmp_path, url, store, sink)


async def _states(sql: asyncpg.Connection) -> dict[int, tuple[str, int, str]]:
    found = await sql.fetch("SELECT seq, state, attempts, error FROM notification_deliveries ORDER BY seq")
    return {row["seq"]: (row["state"], row["attempts"], row["error"]) for row in found}


async def _known(sql: asyncpg.Connection) -> None:
    """As if the channel had been in use for long."""
    await sql.execute("INSERT INTO notification_channels VALUES ('ward', now() - interval '1 year')")


async def test_what_was_delivered_is_recorded_and_not_sent_again(house: House, sql: asyncpg.Connection) -> None:
    await _known(sql)
    at_ms = time.time_ns() // 1_000_000
    async with house.run() as (service, put):
        put(batch(1, 2, at_ms=at_ms))
        await house.has(2)
        await so(lambda: service.stats.channels["ward"].outcomes["delivered"] == 2)
    assert await _states(sql) == {1: ("delivered", 1, ""), 2: ("delivered", 1, "")}
    await house.keep(1, 2, at=datetime.fromtimestamp(at_ms / 1_000, UTC))
    await house.keep(3)
    async with house.run() as (service, put):
        await house.has(3)
        await asyncio.sleep(0.3)
        assert service.stats.recovered == 1
    assert len(house.sink.taken) == 3


def _life(*kinds: str, alert_id: str = "7", seq: int = 1, **more: Any) -> Batch:
    """The steps of one alert, a frame each."""
    steps = enumerate(kinds, seq)
    return Batch([entry(seq=n, kind=kind, id=alert_id, reason=f"frame {n}", **more) for n, kind in steps])


async def test_after_an_outage_nobody_is_called_about_what_is_answered_and_nothing_told_of_what_is_over(
    house: House, sql: asyncpg.Connection
) -> None:
    """The answer itself goes to no channel here: it ends the calls all the same, each recorded and counted."""
    await _known(sql)
    house.sink.mode = "refuse"
    async with house.run(dead_failures=1_000) as (service, put):
        ward = service.stats.channels["ward"]
        put(_life("opened", "escalated", "reminded"))
        put(_life("opened", "escalated", alert_id="8", seq=11))
        put(_life("opened", alert_id="9", seq=21))
        await so(lambda: ward.failures_in_row >= 3)
        put(_life("acknowledged", seq=4))
        put(_life("cleared", alert_id="8", seq=13))
        put(_life("raised", seq=5))
        await so(lambda: ward.outcomes["superseded"] == 5)  # what was under way has failed once more
        house.sink.mode = "take"
        await so(lambda: sum(ward.outcomes.values()) == ward.queued == 7)
        assert (ward.outcomes["superseded"], ward.outcomes["delivered"]) == (5, 2)
        await so(lambda: not service.stats.records_waiting)
    assert house.told() == ["frame 21", "frame 5"]
    states = {seq: state for seq, (state, _, _) in (await _states(sql)).items()}
    assert states == dict.fromkeys([1, 2, 3, 11, 12], "superseded") | dict.fromkeys([5, 21], "delivered")


async def test_a_restart_does_not_call_anybody_about_what_was_answered_meanwhile(
    house: House, sql: asyncpg.Connection
) -> None:
    await _known(sql)
    await house.keep(1, 2)
    async with house.run() as (service, put):
        # Before the look back has begun: what it finds is older.
        put(_life("acknowledged", alert_id=str(1 << 16), seq=3))
        await house.has(1)
        await so(lambda: sum(service.stats.channels["ward"].outcomes.values()) == 2)
        await so(lambda: not service.stats.records_waiting)
    assert house.told() == ["frame 2"]
    assert {seq: state for seq, (state, _, _) in (await _states(sql)).items()} == {1: "superseded", 2: "delivered"}


async def test_p2_an_alert_that_a_replay_offers_again_is_not_sent_again(house: House, sql: asyncpg.Connection) -> None:
    """Published and delivered, but not stored when the server died: the route makes it anew."""
    offered = batch(1, 2)
    async with house.run() as (service, put):
        put(offered)
        await house.has(2)
        await so(lambda: service.stats.channels["ward"].outcomes["delivered"] == 2)
    async with house.run() as (service, put):
        put(offered)
        put(batch(3))
        await house.has(3)
        await so(lambda: service.stats.channels["ward"].waiting == 0)
        stats = service.stats.channels["ward"]
        assert stats.outcomes["repeated"] + service.stats.steps_repeated == 2
    assert house.told() == [f"NEWS2 7 reached 7, frame {seq}" for seq in (1, 2, 3)]


async def test_a_restart_sends_what_an_earlier_run_could_not(house: House, sql: asyncpg.Connection) -> None:
    await _known(sql)
    house.sink.mode = "refuse"
    async with house.run() as (service, put):
        put(batch(1, 2))
        await house.keep(1, 2)
        await so(lambda: service.stats.channels["ward"].attempts["http_503"] > 2)
    states = await _states(sql)
    assert {seq: state for seq, (state, _, _) in states.items()} == {1: "waiting", 2: "waiting"}
    assert states[1][2] == "http_503"
    await house.keep(3)  # stored by a run that died before it could say anything of it
    house.sink.mode = "take"
    async with house.run() as (service, put):
        await house.has(3)
        await so(lambda: service.stats.channels["ward"].waiting == 0)
        assert service.stats.recovered == 3
    assert house.told() == ["frame 1", "frame 2", "frame 3"]
    assert {state for state, _, _ in (await _states(sql)).values()} == {"delivered"}


async def test_a_restart_finds_an_undelivered_step_of_the_hour_behind_any_number_of_others(
    house: House, sql: asyncpg.Connection
) -> None:
    await _known(sql)
    await house.keep(1, age_s=900)
    await sql.execute(
        "INSERT INTO alert_events (seq, alert_id, at, value, ordinal, kind, severity, rule, model, version, reason, "
        "contributions) SELECT 1, 0, now() - interval '10 min', 7, i, 7, 1, 'low', 'n', '1', 'frame', '[]' "
        "FROM generate_series(1, 12000) AS i"
    )
    async with house.run() as (service, _):
        await house.has(1)
        await so(lambda: service.stats.channels["ward"].waiting == 0)
    assert (house.told(), service.stats.recovered) == (["frame 1"], 1)


async def test_a_restart_sends_nothing_old_and_a_new_channel_nothing_of_before(
    house: House, sql: asyncpg.Connection
) -> None:
    await _known(sql)
    await house.keep(1, age_s=86_400)
    await house.keep(2, age_s=120)
    await house.keep(3, age_s=5)
    house.names = ["ward", "new"]
    async with house.run(age_s_max=60) as (service, _):
        await house.has(1)
        await so(lambda: service.stats.channels["ward"].waiting == 0)
        await asyncio.sleep(0.3)
        assert service.stats.channels["new"].queued == 0
    assert house.told() == ["frame 3"]
    async with house.run(age_s_max=60) as (service, _):
        await asyncio.sleep(0.3)
    assert house.told() == ["frame 3"]


async def test_p3_without_the_database_messages_leave_and_are_recorded_when_it_is_back(
    house: House, sql: asyncpg.Connection
) -> None:
    here = await sql.fetchval("SELECT current_database()")
    name = f"absent_{here}"
    away = house.url.replace(f"/{here}", f"/{name}")
    async with house.run(url=away) as (service, put):
        put(batch(1))
        await house.has(1)
        await so(lambda: service.stats.record_failures > 0)
        assert service.stats.records_waiting == 1
        await sql.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        there = await asyncpg.connect(away)
        try:
            await (await _migrated(away)).close()
            await so(lambda: service.stats.records_waiting == 0)
            assert await _states(there) == {1: ("delivered", 1, "")}
        finally:
            await there.close()
    await sql.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def _migrated(url: str) -> Store:
    store = await Store.connect(url)
    await store.migrate()
    return store


async def test_p6_no_row_holds_a_secret_an_address_or_a_word_of_a_message(
    house: House, sql: asyncpg.Connection
) -> None:
    for mode in ("refuse", "drop", "take"):
        house.sink.mode = mode
        async with house.run() as (service, put):
            put(batch(len(mode)))
            await so(lambda: sum(service.stats.channels["ward"].attempts.values()) > 1 or house.sink.taken)
    found = [
        dict(row)
        for table in ("notification_deliveries", "notification_channels")
        for row in await sql.fetch(f"SELECT * FROM {table}")
    ]
    assert len(found) >= 2
    told = json.dumps(found, default=str)
    for secret in (SECRET, "127.0.0.1", str(house.sink.port), "reached 7", "ICU-1"):
        assert secret not in told


async def test_a_channel_whose_delivery_fails_begins_again_and_takes_no_other_with_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "PAUSE_S_MIN", 0.3)
    send, failures = Courier.send, 2

    async def fail(self: Courier, message: Any) -> Any:
        nonlocal failures
        if self._name == "new" and failures:
            failures -= 1
            raise MemoryError(SECRET)
        return await send(self, message)

    monkeypatch.setattr(Courier, "send", fail)
    house.names = ["ward", "new"]
    async with house.run() as (service, put):
        put(batch(1))
        await so(lambda: service.dead == ["new"])
        put(batch(2))
        await house.has(4)
        await so(lambda: not service.dead)
        stats = service.stats.channels
        assert (stats["ward"].restarts, stats["new"].restarts) == (0, 2)
        await so(lambda: stats["new"].outcomes["delivered"] == stats["ward"].outcomes["delivered"] == 2)
    assert len(house.sink.taken) == 4


async def test_what_was_told_of_channels_ends_with_their_use(
    house: House, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken out of the settings, of every route, or all notifications switched off."""
    told, failures = list[tuple[str, bool]](), 1

    async def tell(name: str, *, dead: bool, reason: str) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise OSError("full")
        told.append((name, dead))

    monkeypatch.setattr(farewell, "RETRY_S", 0.05)
    house.names = ["ward", "old"]
    async with house.run(tell=tell):
        while await sql.fetchval("SELECT count(*) FROM notification_channels") < 2:  # noqa: ASYNC110 (the database's)
            await asyncio.sleep(0.01)
    house.names = ["ward"]
    async with house.run(tell=tell):
        await so(lambda: told)
    assert told == [("old", False)]
    unrouted = Notify(channels=[channel(house.folder, "ward", house.sink.url(SECRET))])
    service = Service(Settings(notify=unrouted))
    assert service.begin(house.url, house.store.alert_messages, tell) is None
    await service.farewell(house.url, tell)
    assert told == [("old", False), ("ward", False)]
    assert await sql.fetchval("SELECT count(*) FROM notification_channels") == 0


async def test_an_unreadable_message_is_counted_and_stops_nothing(house: House) -> None:
    async with house.run() as (service, put):
        broken = batch(1, 2)
        broken.alerts[0].body = b'{"kind": 5}'
        put(broken)
        await house.has(1)
        assert (service.stats.steps, service.stats.steps_unreadable) == (2, 1)
