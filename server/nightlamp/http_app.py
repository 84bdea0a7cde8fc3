"""The HTTP application over the parts of a running server: one router a stage, problem+json for every error."""

import asyncio
import json
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse

import nightlamp
from nightlamp import bundles, dead_letters, errors, explanation, history, model_cards, openapi
from nightlamp._core import Engine
from nightlamp.alerting import Actions
from nightlamp.alerting import router as alerting_router
from nightlamp.as_of import AsOf
from nightlamp.as_of import router as as_of_router
from nightlamp.console import router as console_router
from nightlamp.errors import Problem
from nightlamp.figures import Gauges
from nightlamp.figures import router as figures_router
from nightlamp.identity import api as identity_api
from nightlamp.identity.access import Access, requires
from nightlamp.identity.roles import Permission, Principal
from nightlamp.not_stored import NotStored
from nightlamp.notify import Service
from nightlamp.notify import router as notify_router
from nightlamp.observe import engine_figures, health, metrics, operations, sources, stages
from nightlamp.observe.feeds import Feeds
from nightlamp.pipeline import Pipeline
from nightlamp.policy.changes import PolicyChanges
from nightlamp.policy.routes import router as policy_router
from nightlamp.policy_simulation.routes import router as simulation_router
from nightlamp.policy_simulation.service import Simulations
from nightlamp.publish import Hub, bearer
from nightlamp.publish import router as stream_router
from nightlamp.receive import http as receive
from nightlamp.receive.door import Door
from nightlamp.settings import Settings
from nightlamp.store import Store
from nightlamp.store import router as store_router
from nightlamp.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Parts:
    """What a running server is made of."""

    settings: Settings
    access: Access
    engine: Engine
    store: Store
    hub: Hub
    pipeline: Pipeline
    door: Door
    as_of: AsOf
    simulations: Simulations
    actions: Actions
    feeds: Feeds
    #: Done once a stage hangs, with the reason: the server then ends.
    hung: asyncio.Future[str]
    tasks: Tasks
    notify: Service
    figures: Gauges


def build(parts: Parts) -> FastAPI:
    """The application."""
    app = FastAPI(
        title="nightlamp",
        version=nightlamp.__version__,
        description="Watches over a ward: real-time risk scoring at the bedside. Research software, no medical device.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.access = parts.access
    app.add_middleware(NotStored)
    errors.install(app)
    openapi.install(app)
    receive.mount(app, parts.door)
    app.include_router(stream_router(parts.hub, _authenticate(parts.access)))
    app.include_router(store_router(parts.store, lambda name: requires(Permission(name))))
    app.include_router(alerting_router(parts.store, parts.actions))
    app.include_router(as_of_router(parts.as_of, parts.store))
    app.include_router(explanation.router(parts.store, parts.engine.loaded_scorers()))
    app.include_router(history.router(parts.store))
    app.include_router(policy_router(PolicyChanges(parts.engine, parts.door.receipts), parts.store.reader))
    app.include_router(simulation_router(parts.simulations, parts.engine.loaded_scorers()))
    app.include_router(operations.router(lambda: _probe(parts), parts.feeds, parts.engine.feeds, _figures(parts)))
    app.include_router(dead_letters.router(parts.store.reader, parts.engine, parts.door.receipts))
    papers = model_cards.papers(bundles.bundles(parts.settings.models))
    app.include_router(model_cards.router(json.loads(parts.engine.scorers()), papers))
    app.include_router(identity_api.router(parts.settings.console.idle_lock_s, secure=_secure(parts.settings)))
    app.include_router(figures_router(parts.store, parts.settings))
    app.include_router(notify_router(parts.notify))
    if parts.settings.console.enabled:
        app.include_router(console_router())
    app.include_router(health.router(lambda: _probe(parts), recorded_time=parts.settings.decode.recorded_time))
    app.include_router(metrics.router(_sources(parts)))

    @app.get("/openapi.json", tags=["observe"], summary="This document", include_in_schema=False)
    async def document(request: Request) -> JSONResponse:
        """For anybody with a valid key."""
        parts.access.principal(request)
        return JSONResponse(app.openapi())

    return app


def _secure(settings: Settings) -> bool | None:
    """Whether the console's cookie is for TLS only; None: as the request's scheme is."""
    if settings.console.cookie_secure != "auto":
        return settings.console.cookie_secure == "always"
    return True if settings.notify.console_url.startswith("https://") else None


def _authenticate(access: Access) -> Any:
    """Who may open a stream: a key in the header or sub-protocol, or the console's cookie, with the permission read."""

    async def viewer(scope: MutableMapping[str, Any]) -> Principal | None:
        key = bearer(scope)
        found = access.keys.authenticate(key) if key else None
        if found is None:
            try:
                found = access.principal(HTTPConnection(scope))
            except Problem:
                return None
        return found if found.may(Permission.READ) else None

    return viewer


def _probe(parts: Parts) -> list[health.StageHealth]:
    pipeline = parts.pipeline
    receipts = parts.door.receipts
    found = stages.probe(
        receipts, parts.engine.stats, pipeline.progress, pipeline.lane, parts.hub.stats, parts.notify.dead
    )
    return stages.with_died(found, parts.tasks.died)


def _figures(parts: Parts) -> Callable[[], dict[str, Any]]:
    """How far each half of the route is, for the operations page."""

    def read() -> dict[str, Any]:
        engine, progress, lane = json.loads(parts.engine.stats()), parts.pipeline.progress, parts.pipeline.lane
        store = {"rows": progress.rows_stored, "failures": progress.store_failures, "batches_waiting": lane.batches}
        room = {"bytes": engine["journal"]["bytes"], "bytes_max": engine["journal"]["bytes_max"]}
        waiting = progress.frames_taken - progress.frames_stored
        return {
            "lag": engine["lag"] | {"frames_to_store": waiting},
            "journal": room,
            "store": store | {"waiting_bytes": lane.memory_bytes + lane.spool_bytes},
            "consoles": parts.hub.stats.clients,
            "patients": parts.hub.patients,
            "recorded_time": parts.settings.decode.recorded_time,
        }

    return read


def _sources(parts: Parts) -> list[Callable[[], metrics.Statistics]]:
    door, pipeline = parts.door, parts.pipeline
    return [
        lambda: sources.doors(door.counts, door.receipts),
        lambda: sources.sign_ins(parts.access.refused_sign_ins.counts),
        engine_figures.statistics(parts.engine.stats),
        lambda: sources.clock(parts.settings.decode.recorded_time),
        lambda: sources.store(pipeline),
        lambda: sources.publish(parts.hub.stats),
        lambda: sources.replay(parts.as_of.stats),
        parts.notify.stats.metrics,
        parts.figures.metrics,
    ]
