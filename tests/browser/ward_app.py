"""A small real server for the browser tests: the hub, the stream and the console, fed by `POST /test/offer`.

    python tests/browser/ward_app.py PORT

The session is that of `/v1/console/session` in its simplest form: the token `once` opens it, as often as asked.
"""

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import uvicorn
from fastapi import Body, Cookie, FastAPI, HTTPException, Response
from starlette.requests import HTTPConnection

from nightlamp import console
from nightlamp.publish import Hub, Message, router

COOKIE = "nightlamp_session"


@dataclass(frozen=True)
class Viewer:
    units: frozenset[str] | None = None
    reads_words: bool = True


@dataclass(frozen=True)
class Batch:
    messages: list[Message]


def app() -> FastAPI:
    hub = Hub("journal-a")
    made = FastAPI()

    async def authenticate(scope: Any) -> Viewer | None:
        return Viewer() if HTTPConnection(scope).cookies.get(COOKIE) == "open" else None

    @made.post("/v1/console/session", status_code=204)
    async def sign_in(token: Annotated[str, Body(embed=True)]) -> Response:
        if token != "once":
            raise HTTPException(401)
        answer = Response(status_code=204)
        answer.set_cookie(COOKIE, "open", httponly=True, samesite="strict")
        return answer

    @made.get("/v1/console/session")
    async def who(nightlamp_session: Annotated[str | None, Cookie()] = None) -> dict[str, Any]:
        if nightlamp_session != "open":
            raise HTTPException(401)
        return {"role": "nurse", "permissions": ["read"], "units": None}

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

    made.include_router(router(hub, authenticate))
    made.include_router(console.router())
    return made


def serve(port: int) -> None:
    """Until killed."""
    uvicorn.run(app(), port=port, log_level="warning", ws_per_message_deflate=False)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
