"""`/v1/operations`: what the operations page shows of the server itself, as one small JSON. No patient is in it."""

import time
from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from nightlamp import __version__
from nightlamp.identity.access import requires
from nightlamp.identity.roles import Permission, Principal

from .feeds import Feeds
from .health import Probe


class Feed(BaseModel):
    """A door or broker that data come through."""

    name: str
    title: str
    messages: int = Field(description="Since the start of the server.")
    refused: int
    connections: int | None = Field(description="Open now; null where there is no such thing.")
    up: bool = Field(description="False: a broker that is not connected.")
    rate_per_s: float | None = Field(description="Over the last minute.")
    last_at_ms: int | None = Field(description="The last message, to a second; null where none came since the start.")


class Sender(BaseModel):
    """One behind a door whose silence the policy watches (`feed_silent_s`): a live one would hide a dead one."""

    source: str = Field(description="hl7_http, json_http or mqtt.")
    key: str = Field(description="The id of its key, or the broker.")
    last_at_ms: int = Field(description="The last message, before a restart too; some seconds old at most.")
    silent: bool = Field(description="Found silent, and not heard since.")


class Stage(BaseModel):
    """A stage of the route."""

    stage: str
    state: str = Field(description="ok, degraded or down.")
    reason: str


class Operations(BaseModel):
    """How the server fares."""

    at_ms: int
    version: str
    stages: list[Stage]
    feeds: list[Feed]
    senders: list[Sender] = Field(description="At most 64; empty where the policy watches none.")
    figures: dict[str, Any] = Field(description="Lags of the pipeline and the store, room of the journal, consoles.")


def router(
    probe: Probe, feeds: Feeds, senders: Callable[[], bytes], figures: Callable[[], dict[str, Any]]
) -> APIRouter:
    """The route (permission operate). `senders`: what `_core.Engine.feeds` tells."""
    routes = APIRouter(prefix="/v1", tags=["observe"])

    @routes.get("/operations", summary="How the server fares, for the operations page")
    async def operations(_: Annotated[Principal, Depends(requires(Permission.OPERATE))]) -> Operations:
        """Stages with their reasons, feeds with rate and last message, senders, lags."""
        return Operations(
            at_ms=time.time_ns() // 1_000_000,
            version=__version__,
            stages=[Stage(stage=one.stage, state=one.state, reason=one.reason) for one in probe()],
            feeds=[Feed(**one) for one in feeds.told()],
            senders=[_sender(one) for one in orjson.loads(senders())],
            figures=figures(),
        )

    return routes


def _sender(heard: dict[str, Any]) -> Sender:
    last_at_ms = heard["last_heard_us"] // 1_000
    return Sender(source=heard["source"], key=heard["key"], last_at_ms=last_at_ms, silent=heard["silent"])
