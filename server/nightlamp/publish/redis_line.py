"""One line to Redis for PUBLISH: commands are bytes made here, many are sent at once, their answers are only counted.

redis-py makes the connection (URL, TLS, credentials); packing and parsing one by one would cost ten times what Redis
itself takes. Importing it takes a tenth of a start, so that waits for the first message, on a thread.

The answer to a PUBLISH is one line: `:` and how many heard it, or `-` and why not. RESP 2, so that nothing else comes.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from redis.asyncio import Redis

_READ_BYTES = 64 << 10


@lru_cache(maxsize=4_096)
def channel(unit: str, topic: str) -> str:
    """`nightlamp.{unit}.{topic}`; what is no letter, digit, `-` or `_` is percent-encoded, no unit is `_`."""
    return f"nightlamp.{quote(unit, safe='').replace('.', '%2E') or '_'}.{topic}"


@lru_cache(maxsize=4_096)
def _head(unit: str, topic: str) -> bytes:
    name = channel(unit, topic).encode()
    return b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$" % (len(name), name)


def publish_command(unit: str, topic: str, body: bytes) -> bytes:
    """PUBLISH in the protocol of Redis."""
    return b"%b%d\r\n%b\r\n" % (_head(unit, topic), len(body), body)


class RedisLine:
    """A connection that is made when it is needed, and again after a failure."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """`url` as redis-py reads it: redis://, rediss:// or unix://."""
        self._url, self._timeout_s = url, timeout_s
        self._redis: Redis | None = None
        self._connection: Any = None

    async def exchange(self, commands: Sequence[bytes]) -> set[int]:
        """Send these and wait for an answer to each; which of them Redis refused, by place.

        After a refusal the next exchange makes a new connection: rights and passwords may have changed. Raises
        OSError and what redis-py raises; then some may have been done.
        """
        try:
            if self._connection is None:
                if self._redis is None:
                    self._redis = await asyncio.to_thread(_client, self._url, self._timeout_s)
                pool: Any = self._redis.connection_pool
                self._connection = await pool.get_connection()
            await self._connection.send_packed_command(b"".join(commands), check_health=False)
            refused = await self._answers(len(commands))
        except BaseException:
            await self._give_up()
            raise
        if refused:
            await self._give_up()
        return refused

    async def _answers(self, expected: int) -> set[int]:
        """Which of the answers are errors."""
        answered, chunks = 0, list[bytes]()
        while answered < expected:
            chunk = await self._connection._reader.read(_READ_BYTES)
            if not chunk:
                raise ConnectionResetError("Redis closed the line")
            answered += chunk.count(b"\n")
            chunks.append(chunk)
        said = b"".join(chunks)
        return {place for place, line in enumerate(said.split(b"\n")) if line[:1] == b"-"} if b"-" in said else set()

    async def _give_up(self) -> None:
        """What was answered of what is unknown: the line is of no use any more."""
        connection, self._connection = self._connection, None
        if connection is not None and self._redis is not None:
            try:
                await connection.disconnect(nowait=True)
            finally:
                await self._redis.connection_pool.release(connection)

    async def aclose(self) -> None:
        """Close it."""
        await self._give_up()
        if self._redis is not None:
            await self._redis.aclose()


def _client(url: str, timeout_s: float) -> "Redis":
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    once = Retry(NoBackoff(), 0)
    return Redis.from_url(url, protocol=2, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=once)
