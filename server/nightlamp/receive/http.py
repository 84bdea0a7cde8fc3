"""The two doors on the application: plain routes, so that nothing parses before the credential is checked."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import hl7v2, observations
from .door import Door

#: Path to OpenAPI operation, for the application's document.
OPENAPI: dict[str, dict[str, Any]] = {
    hl7v2.PATH: {"post": hl7v2.OPENAPI},
    observations.PATH: {"post": observations.OPENAPI},
}


def mount(app: FastAPI, door: Door) -> None:
    """Add `POST /v1/hl7v2` and `POST /v1/observations`."""
    for path, receive in ((hl7v2.PATH, hl7v2.receive), (observations.PATH, observations.receive)):
        app.router.routes.append(Route(path, _endpoint(receive, door), methods=["POST"]))


def _endpoint(
    receive: Callable[[Door, Request], Awaitable[Response]], door: Door
) -> Callable[[Request], Awaitable[Response]]:
    return partial(receive, door)
