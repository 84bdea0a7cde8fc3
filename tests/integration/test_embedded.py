"""The embedded PostgreSQL and Redis: real ones, private, restartable after anything, dying with nightlamp."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import Future
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from nightlamp.app import _neighbours
from nightlamp.embedded.child import Account, EmbeddedError, socket_folder
from nightlamp.embedded.cluster import UNFINISHED, is_made
from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.embedded.redis import EmbeddedRedis
from nightlamp.identity.data_folder import DataFolder
from nightlamp.settings import Settings

STARTER = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from nightlamp.embedded.postgresql import EmbeddedPostgresql
    from nightlamp.embedded.redis import EmbeddedRedis

    async def main() -> None:
        data = Path(sys.argv[1])
        postgresql, redis = await EmbeddedPostgresql.start(data), await EmbeddedRedis.start(data)
        print(postgresql._child.pid, redis._child.pid, flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
"""

MAKER = """
    import sys
    from pathlib import Path
    from nightlamp.embedded import cluster

    print("begins", flush=True)
    cluster.make(Path(sys.argv[1]))
"""


async def test_they_start_answer_stop_and_keep_what_was_stored(tmp_path: Path) -> None:
    for turn in (1, 2):
        postgresql = await EmbeddedPostgresql.start(tmp_path)
        redis = await EmbeddedRedis.start(tmp_path)
        connection = await asyncpg.connect(postgresql.url)
        await connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
        await connection.execute("INSERT INTO t VALUES ($1)", turn)
        assert await connection.fetchval("SELECT count(*) FROM t") == turn
        assert await connection.fetchval("SHOW listen_addresses") == ""
        await connection.close()
        async with Redis.from_url(redis.url) as client:
            assert await client.ping()
        await redis.stop()
        await postgresql.stop()
        assert not postgresql.running
        assert not redis.running


async def _lies_there(tmp_path: Path, sign: str) -> None:
    async with asyncio.timeout(20):
        while not any(tmp_path.glob(f"{UNFINISHED}*{sign}")):  # noqa: ASYNC110, ASYNC240 - a file of another process
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("sign", ["", "/PG_VERSION", "/global/pg_control"])
async def test_a_first_start_that_is_killed_leaves_nothing_that_the_next_one_takes_for_a_cluster(
    tmp_path: Path, sign: str
) -> None:
    """Killed once this much of the cluster lies on the disk."""
    command = [sys.executable, "-c", textwrap.dedent(MAKER), str(tmp_path)]
    maker = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE, text=True)
    assert maker.stdout is not None
    with maker.stdout:
        assert maker.stdout.readline() == "begins\n"
        if sign:
            # initdb goes on, and however fast it is, nobody gives its work the cluster's name.
            await _lies_there(tmp_path, "/PG_VERSION")
            maker.send_signal(signal.SIGSTOP)
        await _lies_there(tmp_path, sign)
        maker.send_signal(signal.SIGKILL)
        maker.wait()
    assert not is_made(tmp_path)
    postgresql = await EmbeddedPostgresql.start(tmp_path)
    connection = await asyncpg.connect(postgresql.url)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
    await postgresql.stop()


async def test_what_is_no_whole_cluster_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "postgresql").mkdir()
    (tmp_path / "postgresql" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match=f"{tmp_path}/postgresql is no whole cluster"):
        await EmbeddedPostgresql.start(tmp_path)
    assert [path.name for path in (tmp_path / "postgresql").iterdir()] == ["PG_VERSION"]


async def test_a_start_that_is_cancelled_stops_what_it_has_started(tmp_path: Path) -> None:
    """Redis is there already, the cluster of PostgreSQL is still being made."""
    folder = DataFolder(tmp_path)
    made: Future[None] = Future()
    made.set_running_or_notify_cancel()
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(_neighbours(Settings(), folder, made, stack))
        pid_file = folder.path / "redis" / "redis.pid"
        async with asyncio.timeout(20):
            while not (pid_file.exists() and pid_file.read_text().endswith("\n")):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.01)
            redis = await asyncio.to_thread(psutil.Process, int(pid_file.read_text()))
            async with Redis.from_url(f"unix://{socket_folder(folder.path, Account.find())}/redis.sock") as client:
                while not await _answers(client):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    assert not redis.is_running()


async def _answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (OSError, RedisError):
        return False


async def test_they_die_with_nightlamp_and_the_next_start_copes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(STARTER), str(tmp_path)]
    starter = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    with starter.stdout:
        pids = [int(pid) for pid in starter.stdout.readline().split()]
    assert len(pids) == 2
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    postgresql = await EmbeddedPostgresql.start(tmp_path)
    redis = await EmbeddedRedis.start(tmp_path)
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=10)
    assert not alive, gone
    await redis.stop()
    await postgresql.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED: dropping root can only be seen as root")
async def test_they_do_not_run_as_root(tmp_path: Path) -> None:
    postgresql = await EmbeddedPostgresql.start(tmp_path)
    try:
        process = await asyncio.to_thread(psutil.Process, postgresql._child.pid)
        assert process.uids().effective != 0
    finally:
        await postgresql.stop()


async def test_values_do_not_reach_the_log_of_postgresql(tmp_path: Path) -> None:
    postgresql = await EmbeddedPostgresql.start(tmp_path)
    connection = await asyncpg.connect(postgresql.url)
    await connection.execute("CREATE TABLE p (family text PRIMARY KEY)")
    for _ in range(2):
        try:
            await connection.execute("INSERT INTO p VALUES ('Nightingale')")
        except asyncpg.UniqueViolationError:
            break
    await connection.close()
    await postgresql.stop()
    logged = b"".join(path.read_bytes() for path in (tmp_path / "log").iterdir())
    assert b"duplicate key" in logged
    assert b"Nightingale" not in logged
