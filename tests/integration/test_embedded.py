"""The embedded PostgreSQL and Redis: real ones, private, restartable after anything, dying with nightlamp."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.embedded.redis import EmbeddedRedis

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
