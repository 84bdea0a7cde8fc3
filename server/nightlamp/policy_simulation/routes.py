"""`POST /v1/policy/simulate`, `GET /v1/policy/simulation`: a policy tried on this server's journal, in the background.

For administrators and data scientists whose key is for the whole house: the figures are of all units. No patient is in
them.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from nightlamp._core import Scorers
from nightlamp.errors import Problem
from nightlamp.identity.access import requires
from nightlamp.identity.roles import Permission, Principal
from nightlamp.policy.checking import PolicyRefused, check
from nightlamp.receive.body import read, refuse_encoding

from .journal import Asked
from .service import Simulations
from .views import Begun, State, ToSimulate

#: Two policies as JSON strings take up to six bytes a character.
BODY_BYTES_MAX, BODY_S_MAX = 4 << 20, 30.0
Simulator = Annotated[Principal, Depends(requires(Permission.SIMULATE))]


def router(simulations: Simulations, scorers: Scorers) -> APIRouter:
    """The two endpoints."""
    routes = APIRouter(prefix="/v1/policy", tags=["alerts"])

    @routes.post("/simulate", status_code=202, summary="Try a policy on recorded time", openapi_extra=_BODY)
    async def simulate(person: Simulator, request: Request) -> Begun:
        """What it would have opened between `from` and `to`, beside the policy in force, from the journal. Runs in the
        background, one at a time (503 while another does); 422 where the engine would not take the policy."""
        _whole_house(person)
        given = await _given(request)
        if given.since is not None and given.until is not None and given.since >= given.until:
            raise Problem(422, "invalid_request", "body.to: lies not after from")
        await _checked("text", given.text, scorers)
        if given.against is not None:
            await _checked("against", given.against, scorers)
        since, until = (None if at is None else round(at.timestamp() * 1e6) for at in (given.since, given.until))
        asked = Asked(given.against, given.text, since, until, given.tolerance_s)
        return Begun(id=simulations.start(asked, person.id))

    @routes.get("/simulation", summary="The simulation under way, and the last result")
    async def simulation(person: Simulator) -> State:
        """The last result stays until the next, also over a restart."""
        _whole_house(person)
        return State.model_validate(simulations.state())

    return routes


_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": ToSimulate.model_json_schema()}}}
}


def _whole_house(person: Principal) -> None:
    if person.units is not None:
        raise Problem(403, "forbidden", "The figures are of all units; this key is for some.")


async def _given(request: Request) -> ToSimulate:
    """The body, bounded. Raises what FastAPI would for one that is not of this shape."""
    refuse_encoding(request)
    body = await read(request, BODY_BYTES_MAX, BODY_S_MAX)
    try:
        return ToSimulate.model_validate_json(body)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_input=False, include_url=False)]
        raise RequestValidationError(found) from None


async def _checked(field: str, text: str, scorers: Scorers) -> None:
    """A 422 Problem that names which of the two policies, and its line as the other doors for policies do."""
    try:
        await asyncio.to_thread(check, text, scorers)
    except PolicyRefused as refused:
        where = f"body.{field}"
        extra = {"field": where, "line": refused.line, "shown": refused.shown}
        raise Problem(422, "policy_refused", f"{where}: {refused}", extra=extra) from None
