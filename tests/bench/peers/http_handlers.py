"""An empty handler on uvicorn: python -m tests.bench.peers.http_handlers (bare ASGI|Starlette|FastAPI). Prints its
port.
"""

import socket
import sys
from typing import Any

import uvicorn


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, answers 200."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"3"), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n"})


def starlette() -> Any:
    """A Starlette application with one route."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def take(request: Request) -> PlainTextResponse:
        await request.body()
        return PlainTextResponse("ok\n")

    return Starlette(routes=[Route("/v1/hl7v2", take, methods=["POST"])])


def fastapi() -> Any:
    """A FastAPI application with one route that takes the raw body."""
    from fastapi import FastAPI, Request
    from fastapi.responses import PlainTextResponse

    app = FastAPI()

    @app.post("/v1/hl7v2")
    async def take(request: Request) -> PlainTextResponse:
        await request.body()
        return PlainTextResponse("ok\n")

    return app


def main() -> None:
    """Serve until terminated."""
    app = {"bare ASGI": lambda: bare, "Starlette": starlette, "FastAPI": fastapi}[sys.argv[1]]()
    config = uvicorn.Config(
        app,
        lifespan="off",
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=600,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
