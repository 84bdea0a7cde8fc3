"""P3: Redis is down at the start, killed, flushed, frozen: alerts reach consoles in time and Redis when it is back."""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from redis import Redis
from running_server import RunningServer, start_server
from waiting import until

from nightlamp.embedded.child import Account, socket_folder
from nightlamp.embedded.redis import EmbeddedRedis

from .canary import Canary
from .line import Line, Loop
from .watch import metrics, ready, rss_mib

SERVICE_LEVEL_S = 5.0
GROWTH_MIB_MAX = 64.0


@dataclass
class Beside:
    """A Redis of our own behind a line, and a server on it."""

    folder: Path
    loop: Loop
    redis: EmbeddedRedis
    line: Line
    server: RunningServer

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(int((self.folder / "redis" / "redis.pid").read_text()))

    def start(self) -> None:
        self.redis = self.loop.run(EmbeddedRedis.start(self.folder))

    def state(self) -> str:
        return str(ready(self.server)[1]["publish"]["state"])


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    folder, loop = tmp_path_factory.mktemp("redis"), Loop()
    redis = loop.run(EmbeddedRedis.start(folder))
    line = Line(loop, socket_folder(folder, Account.find()) / "redis.sock")
    line.refuse()
    data = folder / "server"
    data.mkdir()
    server = start_server(data, REDIS__URL=f"redis://127.0.0.1:{line.port}/0")
    found = Beside(folder, loop, redis, line, server)
    yield found
    server.stop()
    line.refuse()
    loop.run(found.redis.stop())
    loop.close()


def _all_told(canary: Canary) -> None:
    canary.stop()
    told = canary.told
    assert len(told.sent) >= 3
    assert told.sent.keys() == told.stream.keys()
    assert max(told.stream[bed] - at for bed, at in told.sent.items()) < SERVICE_LEVEL_S
    assert told.sent.keys() == told.redis.keys()
    print(canary.late_s(0, time.monotonic()))


def test_p3_redis_down_at_the_start_is_waited_for(beside: Beside) -> None:
    canary = Canary(beside.server, beside.redis.url, every_s=0.3)
    until(lambda: beside.state() == "degraded")
    assert ready(beside.server)[0] == 200
    until(lambda: len(canary.told.stream) >= 4)
    assert canary.told.redis == {}
    beside.line.open()
    until(lambda: len(canary.told.redis) >= 4)
    _all_told(canary)
    assert beside.state() == "ok"


def test_p3_redis_killed_flushed_and_restarted_gets_the_alerts_of_the_meantime(beside: Beside) -> None:
    beside.line.open()
    before = metrics(beside.server)
    canary = Canary(beside.server, beside.redis.url, every_s=0.3)
    until(lambda: len(canary.told.redis) >= 2)
    with Redis.from_url(beside.redis.url) as client:
        client.flushall()
    told = len(canary.told.redis)
    until(lambda: len(canary.told.redis) > told)
    # Nobody hears what is published before he has subscribed again: the line stays closed for so long.
    beside.line.refuse()
    beside.process.send_signal(signal.SIGKILL)
    until(lambda: not canary.subscribed.is_set())
    told = len(canary.told.stream)
    until(lambda: len(canary.told.stream) >= told + 3)
    beside.start()
    assert canary.subscribed.wait(30)
    beside.line.open()
    _all_told(canary)
    after = metrics(beside.server)
    assert after["publish_redis_failures_total"] > before["publish_redis_failures_total"]
    assert after["publish_redis_alerts_dropped_total"] == 0


def test_p3_p5_a_redis_that_hangs_holds_up_nobody_and_its_queue_is_bounded(beside: Beside) -> None:
    """Frozen for longer than an attempt may take (5 s)."""
    beside.line.open()
    canary = Canary(beside.server, beside.redis.url, every_s=0.3)
    until(lambda: len(canary.told.redis) >= 2)
    process, rss = beside.process, rss_mib(beside.server)
    process.suspend()
    try:
        until(lambda: beside.state() == "degraded")
        told = len(canary.told.stream)
        until(lambda: len(canary.told.stream) >= told + 3)
        assert metrics(beside.server)["publish_redis_waiting"] > 0
        assert rss_mib(beside.server) - rss < GROWTH_MIB_MAX
    finally:
        process.resume()
    _all_told(canary)
    until(lambda: beside.state() == "ok")
