"""The WebSocket `/v1/stream`: handshake, subscription, and the life of one connection.

Everybody is authenticated by the handshake, before it is accepted: Authorization header, session cookie, or, for
browsers without a session, the sub-protocol `bearer.<key>` offered beside `nightlamp.v1`. A browser's Origin must be
this server. Close codes: 1003 a binary message, 1008 a message not understood or a credential that ended or changed,
1009 too large, 1013 too slow; reasons are in words. A heartbeat leaves every `heartbeat_s`, so silence means failure.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketDisconnect

from nightlamp.publish.hub import Hub
from nightlamp.publish.subscribe import Invalid, Subscribe, parse
from nightlamp.publish.writer import hello, write

SUBPROTOCOL = "nightlamp.v1"
Scope = MutableMapping[str, Any]


class Viewer(Protocol):
    """Who connected, as far as the stream needs to know; `identity.roles.Principal` is one."""

    @property
    def units(self) -> frozenset[str] | None:
        """The units it may see; None is all of them."""
        ...

    @property
    def reads_words(self) -> bool:
        """Whether it may read what people wrote about a patient."""
        ...


Authenticate = Callable[[Scope], Awaitable[Viewer | None]]
"""Who a handshake is from, or None: unknown, or not allowed to read. Called again while the connection stands; who is
no longer equal to who came in (role, units) is closed and comes in anew."""


def bearer(scope: Scope) -> str | None:
    """The key of a handshake: `Authorization: Bearer ...`, else the sub-protocol `bearer.<key>`. For `Authenticate`."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            return key.strip() or None if scheme.lower() == "bearer" else None
    for offered in scope.get("subprotocols", ()):
        if offered.startswith("bearer."):
            return str(offered.removeprefix("bearer."))
    return None


def router(hub: Hub, authenticate: Authenticate) -> APIRouter:
    """The route `/v1/stream` over one hub."""
    routes = APIRouter()

    @routes.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        viewer = await _admit(socket, hub, authenticate)
        if viewer is None:
            return
        hub.stats.clients += 1
        hub.stats.clients_accepted += 1
        try:
            offered = SUBPROTOCOL if SUBPROTOCOL in socket.scope.get("subprotocols", ()) else None
            await socket.accept(subprotocol=offered)
            code, reason = await _converse(socket, hub, viewer, authenticate)
            with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(hub.limits.close_s_max):
                    await socket.close(code, reason)
        except WebSocketDisconnect:
            pass
        finally:
            hub.stats.clients -= 1

    return routes


async def _admit(socket: WebSocket, hub: Hub, authenticate: Authenticate) -> Viewer | None:
    """The viewer, or None once the handshake has been refused with the HTTP status that says why."""
    if not _same_origin(socket):
        await socket.send_denial_response(PlainTextResponse("Cross-origin handshake.", 403))
        return None
    viewer = await authenticate(socket.scope)
    if viewer is None:
        hub.stats.clients_unauthenticated += 1
        refusal = PlainTextResponse("No valid credential was given.", 401, {"WWW-Authenticate": "Bearer"})
        await socket.send_denial_response(refusal)
    elif hub.stats.clients >= hub.limits.clients_max:
        hub.stats.clients_refused_full += 1
        refusal = PlainTextResponse("All places for clients are taken.", 503, {"Retry-After": "5"})
        await socket.send_denial_response(refusal)
    else:
        return viewer
    return None


def _same_origin(socket: WebSocket) -> bool:
    """A browser sends cookies with any page's handshake, so the page must be ours. Other clients send no Origin."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == socket.headers.get("host", "").lower()


async def _converse(socket: WebSocket, hub: Hub, viewer: Viewer, authenticate: Authenticate) -> tuple[int, str]:
    """From hello to the end; how to close."""
    try:
        await socket.send_text(hello(hub))
        try:
            async with asyncio.timeout(hub.limits.subscribe_s_max):
                first = await _receive(socket, hub)
        except TimeoutError:
            raise Invalid(1008, "no subscription came") from None
        with hub.attached(
            first.subscription.within(viewer.units, words=viewer.reads_words), first.resume, first.stream
        ) as client:

            async def read() -> tuple[int, str]:
                while True:
                    await asyncio.sleep(hub.limits.client_message_gap_s)
                    again = await _receive(socket, hub)
                    if again.resume is not None:
                        raise Invalid(1008, "resume belongs into the first subscription")
                    wanted = again.subscription.within(viewer.units, words=viewer.reads_words)
                    client.resubscribe(wanted, hub.matching(wanted))

            async def watch() -> tuple[int, str]:
                while True:
                    await asyncio.sleep(hub.limits.reauthenticate_s)
                    now = await authenticate(socket.scope)
                    if now != viewer:
                        return 1008, "the credential has ended" if now is None else "the credential has changed"

            async def given_up() -> tuple[int, str]:
                await client.closed.wait()
                return client.closing or (1011, "closed")

            return await _first_of(read(), watch(), given_up(), write(socket, hub, client))
    except Invalid as invalid:
        hub.stats.clients_closed_invalid += 1
        return invalid.code, invalid.reason


async def _first_of(*parts: Awaitable[tuple[int, str]]) -> tuple[int, str]:
    """The result of whichever ends first; the others are cancelled and waited for."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _receive(socket: WebSocket, hub: Hub) -> Subscribe:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
    text = message.get("text")
    if text is None:
        raise Invalid(1003, "messages are JSON text")
    return parse(text, hub.limits)
