"""The writing half of a connection: snapshot, missed alerts, live messages, heartbeats.

Once a client has seen everything it joins a feed, and only heartbeats are written here, until it falls behind. Every
WebSocket message is a JSON array of messages, so that a burst costs few writes. While a write waits for a slow client,
its queues conflate; nothing else waits for it.
"""

import asyncio
import contextlib
import time

import orjson
import structlog
from fastapi import WebSocket

from nightlamp.publish.client import CLOSE_SLOW, Client
from nightlamp.publish.hub import HistoryBehind, Hub
from nightlamp.publish.line import line_of

_log = structlog.get_logger("nightlamp.publish")


def now_ms() -> int:
    """The server's clock, milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def hello(hub: Hub) -> str:
    """The first message of a connection."""
    message = {
        "type": "hello",
        "at_ms": now_ms(),
        "heartbeat_ms": round(hub.limits.heartbeat_s * 1_000),
        "stream": hub.stream_id,
        "cursor": _cursor(hub.cursor),
        "recorded_time": hub.recorded_time,
    }
    return orjson.dumps([message]).decode()


async def write(socket: WebSocket, hub: Hub, client: Client) -> tuple[int, str]:
    """Until the client must go; the close code and reason."""
    loop, line = asyncio.get_running_loop(), line_of(socket.scope)
    target = hub.limits.write_bytes_target
    await _send(socket, hub, [_subscribed(client)])
    if client.history_needed and not await _history(socket, hub, client):
        hub.stats.clients_closed_error += 1
        return CLOSE_SLOW, "old alerts cannot be read now; come back with the same cursor"
    snapshot_told = False
    beat_at = loop.time()
    while client.closing is None:
        client.wake.clear()
        client.urgent.clear()
        bodies = client.take(target)
        hub.stats.stream_messages += len(bodies)
        gather_until = loop.time() + hub.limits.patient_gap_s if bodies else 0.0
        if not snapshot_told and client.idle:
            snapshot_told = True
            bodies.append(b'{"type":"ready"}')
        if loop.time() >= beat_at:
            beat_at = loop.time() + hub.limits.heartbeat_s
            bodies.append(_beat(hub, client))
        if bodies:
            await _send(socket, hub, bodies)
        if client.idle and line is not None and line.has_room and client.closing is None:
            if client.feed is None:
                hub.join(client, line)
            await _until(client.wake, beat_at)
        elif client.idle:
            await _until(client.wake, beat_at)
            await _until(client.urgent, min(gather_until, beat_at))
    return client.closing


async def _until(event: asyncio.Event, when: float) -> None:
    """Wait for an event, at most until a time of the loop's clock."""
    if event.is_set() or when <= asyncio.get_running_loop().time():
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(when):
            await event.wait()


async def _history(socket: WebSocket, hub: Hub, client: Client) -> bool:
    """Send what only the store still has. False where it cannot be read (yet)."""
    if hub.history is None:
        return False
    limit = hub.limits.history_page_max
    full = True
    while full and client.closing is None:
        try:
            page = await hub.history(client.sent, client.history_through, limit)
        except HistoryBehind:
            return False
        except Exception as error:
            _log.warning("alert history cannot be read", error=type(error).__name__)
            return False
        full = len(page) >= limit
        entries = client.fresh(page)
        hub.stats.stream_messages += len(entries)
        await _send(socket, hub, [client.subscription.shown(entry.body) for entry in entries] + [_beat(hub, client)])
    client.history_needed = False
    return True


async def _send(socket: WebSocket, hub: Hub, bodies: list[bytes]) -> None:
    text = f"[{b','.join(bodies).decode()}]"
    hub.stats.stream_writes += 1
    hub.stats.stream_bytes += len(text)
    await socket.send_text(text)


def _subscribed(client: Client) -> bytes:
    return orjson.dumps({"type": "subscribed", "resumed": client.resumed})


def _beat(hub: Hub, client: Client) -> bytes:
    """`cursor` is where the client may resume: all alerts up to it have been sent before this heartbeat."""
    seen = max(client.sent, hub.cursor) if client.alerts_idle else client.sent
    beat = {"type": "beat", "at_ms": now_ms(), "cursor": _cursor(seen), "data_ms": hub.offered_at_ms}
    return orjson.dumps(beat)


def _cursor(cursor: int) -> str | None:
    return str(cursor) if cursor else None
