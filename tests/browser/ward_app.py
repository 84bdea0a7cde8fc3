"""A small real server for the browser tests: the hub, the stream and the console, fed by `POST /test/offer`.

    python tests/browser/ward_app.py PORT

`POST /test/hold` keeps back, or lets go, the answers to who signs in: by then the session before has ended.

The session is that of `/v1/console/session` in its simplest form: a token of `PEOPLE` opens it, as often as asked, and
ends the one there was; with `!` behind it, it is spent by its first use.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any

import uvicorn
from fastapi import Body, Cookie, FastAPI, HTTPException, Response
from starlette.requests import HTTPConnection

from nightlamp import console
from nightlamp.publish import Hub, Message, router

COOKIE = "nightlamp_session"
_CLINICAL = ["act", "read", "read_identity"]
PEOPLE: dict[str, dict[str, Any]] = {
    "once": {"role": "nurse", "permissions": ["read"], "units": None},
    "charge_nurse": {"id": "ch4rge01", "role": "charge_nurse", "permissions": _CLINICAL, "units": None},
    "bound": {"id": "b0und001", "role": "nurse", "permissions": _CLINICAL, "units": ["WARD-B"]},
    "physician": {"id": "phys1c1a", "role": "physician", "permissions": _CLINICAL, "units": None},
    "sre": {"id": "sre00001", "role": "sre", "permissions": ["operate"], "units": None},
}


@dataclass(frozen=True)
class Viewer:
    name: str
    units: frozenset[str] | None = None
    reads_words: bool = True


@dataclass(frozen=True)
class Batch:
    messages: list[Message]


def app() -> FastAPI:
    hub = Hub("journal-a")
    made = FastAPI()
    spent: set[str] = set()
    ended: set[str] = set()
    kept = asyncio.Event()
    kept.set()

    def person(session: str | None) -> dict[str, Any] | None:
        """Whose session a cookie is: `NAME.NUMBER`, good over a restart."""
        return PEOPLE.get(session.partition(".")[0]) if session and session not in ended else None

    async def authenticate(scope: Any) -> Viewer | None:
        found = person(HTTPConnection(scope).cookies.get(COOKIE))
        if found is None or "read" not in found["permissions"]:
            return None
        return Viewer(found["role"], None if found["units"] is None else frozenset(found["units"]))

    @made.post("/v1/console/session", status_code=204)
    async def sign_in(
        token: Annotated[str, Body(embed=True)], nightlamp_session: Annotated[str | None, Cookie()] = None
    ) -> Response:
        name = token.removesuffix("!")
        if name not in PEOPLE or token in spent:
            raise HTTPException(401)
        if token != name:
            spent.add(token)
        if nightlamp_session:
            ended.add(nightlamp_session)
        await kept.wait()
        answer = Response(status_code=204)
        answer.set_cookie(COOKIE, f"{name}.{time.time_ns()}", httponly=True, samesite="strict")
        return answer

    @made.get("/v1/console/session")
    async def who(nightlamp_session: Annotated[str | None, Cookie()] = None) -> dict[str, Any]:
        found = person(nightlamp_session)
        if found is None:
            raise HTTPException(401)
        return found

    @made.post("/v1/console/session/seen", status_code=204)
    async def seen() -> None:
        """A real server keeps the session from ending idle."""

    @made.delete("/v1/console/session", status_code=204)
    async def sign_out() -> Response:
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE)
        return answer

    @made.post("/test/offer", status_code=204)
    async def offer(messages: Annotated[list[tuple[str, str, str, int, str]], Body()]) -> None:
        hub.offer(Batch([Message(kind, unit, who, at, body.encode()) for kind, unit, who, at, body in messages]))

    @made.post("/test/recorded", status_code=204)
    async def recorded() -> None:
        hub.recorded_time = True

    @made.post("/test/hold", status_code=204)
    async def hold(held: Annotated[bool, Body(embed=True)]) -> None:
        if held:
            kept.clear()
        else:
            kept.set()

    made.include_router(router(hub, authenticate))
    made.include_router(console.router())
    return made


def serve(port: int) -> None:
    """Until killed."""
    uvicorn.run(app(), port=port, log_level="warning", ws_per_message_deflate=False)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
