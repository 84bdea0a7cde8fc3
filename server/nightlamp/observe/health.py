"""Is it alive, and can it take and score what is sent? One reason a stage.

`ok`: works. `degraded`: works and loses nothing, but a person should look: PostgreSQL or Redis being away is this,
since scoring outlives them (P3). `down`: cannot do its part; then `/readyz` answers 503.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response

from nightlamp.identity.access import requires
from nightlamp.identity.roles import Permission, Principal

State = Literal["ok", "degraded", "down"]


@dataclass(frozen=True, slots=True)
class StageHealth:
    """How one stage is, and why; no identity in the reason."""

    stage: str
    state: State
    reason: str


Probe = Callable[[], list[StageHealth]]


def router(probe: Probe, *, recorded_time: bool = False) -> APIRouter:
    """`/livez` (open) and `/readyz` (permission operate). `recorded_time`: the server replays a recording."""
    routes = APIRouter(tags=["observe"])

    @routes.get("/livez", summary="Is the process alive?")
    async def livez() -> dict[str, str]:
        """The only open endpoint. It says that the event loop turns, nothing else."""
        return {"status": "alive"}

    @routes.get(
        "/readyz",
        summary="Can every stage do its part?",
        responses={503: {"description": "At least one stage is down; the reasons are in the body."}},
    )
    async def readyz(
        response: Response, _: Annotated[Principal, Depends(requires(Permission.OPERATE))]
    ) -> dict[str, Any]:
        """One entry a stage, in the order of the route."""
        stages = probe()
        worst: State = "ok"
        for state in ("degraded", "down"):
            if any(one.state == state for one in stages):
                worst = state
        response.status_code = 503 if worst == "down" else 200
        stages_now = {one.stage: {"state": one.state, "reason": one.reason} for one in stages}
        return {"status": worst, "time": "recorded" if recorded_time else "received", "stages": stages_now}

    return routes
