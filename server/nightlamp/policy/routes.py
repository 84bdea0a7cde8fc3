"""`/v1/policy`: the alert policy in force, another one checked or put in its place, and every change there was.

Read by whoever may read patients or operate the server; no patient is in it. Changed by who may administer.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from nightlamp.identity.access import requires, requires_any
from nightlamp.identity.roles import Permission, Principal
from nightlamp.policy import views
from nightlamp.policy.chains import unanswerable
from nightlamp.policy.changes import PolicyChanges
from nightlamp.policy.checking import default_text, sha256
from nightlamp.receive.body import read, refuse_encoding
from nightlamp.store.reader import Reader
from nightlamp.store.routes import answers

#: A policy as a JSON string takes up to six bytes a character.
BODY_BYTES_MAX, BODY_S_MAX = 2 << 20, 30.0
PAGE_MAX = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Given = TypeVar("Given", bound=BaseModel)
Viewer = Annotated[Principal, Depends(requires_any(Permission.READ, Permission.OPERATE))]
Administrator = Annotated[Principal, Depends(requires(Permission.ADMIN))]


def router(changes: PolicyChanges, reader: Reader) -> APIRouter:
    """The four endpoints."""
    routes = APIRouter(prefix="/v1/policy", tags=["alerts"])
    shipped = sha256(default_text())

    @routes.get("", summary="The alert policy in force")
    async def policy(_: Viewer, response: Response) -> views.Policy:
        """Rules, thresholds and chains of escalation; who put them in force, and when."""
        now = changes.now()
        response.headers["ETag"] = f'"{now["sha256"]}"'
        at = None if now["at_us"] is None else _EPOCH + timedelta(microseconds=now["at_us"])
        by_file = now["by"] in (None, "file")
        source = "default" if now["sha256"] == shipped else "file" if by_file else "api"
        notes = now["notes"] + unanswerable(now["text"])
        said = {key: now[key] for key in now if key not in ("at_us", "notes")}
        return views.Policy(source=source, at=at, notes=notes, **said)

    @routes.put("", summary="Put another alert policy in force", openapi_extra=_body(views.ToLoad), responses=_REFUSED)
    async def load(
        person: Administrator,
        request: Request,
        if_match: Annotated[str | None, Header(description="SHA-256 of the policy this one is to replace.")] = None,
    ) -> views.Loaded:
        """Without a restart: it holds for everything that follows its frame in the journal, which is on disk when this
        answers. Rules are matched by name and keep what they know; alerts of rules that are gone are cleared with that
        reason. 412 where If-Match names another policy than the one in force, 422 with `line` where it cannot be used.
        """
        given = await _given(request, views.ToLoad)
        replaces = None if if_match in (None, "*") else if_match.removeprefix("W/").strip('"').lower()
        seq, checked = await changes.load(person, given.text, given.note, replaces)
        return views.Loaded(seq=seq, sha256=checked.sha256, notes=checked.notes)

    @routes.post("/check", summary="Whether a policy could be used", openapi_extra=_body(views.ToCheck))
    async def check(_: Viewer, request: Request) -> views.Usable:
        """As a start would read it, with the scores that are loaded. Nothing changes; 422 with `line` where not."""
        given = await _given(request, views.ToCheck)
        checked = await changes.check(given.text)
        return views.Usable(sha256=checked.sha256, notes=checked.notes)

    @routes.get("/history", summary="Every change of the alert policy")
    async def history(
        _: Viewer,
        texts: Annotated[bool, Query(description="With the policies' texts.")] = True,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 20,
        cursor: Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")] = None,
    ) -> views.Changes:
        """What was in force when, who put it there and why, from the stored rows; newest first."""
        async with answers():
            found = await reader.policy_changes(limit=limit, cursor=cursor)
        return views.Changes(items=[_change(row, texts) for row in found.items], next_cursor=found.next_cursor)

    return routes


_REFUSED: dict[int | str, dict[str, Any]] = {412: {"description": "Another policy is in force than If-Match names."}}


def _body(model: type[BaseModel]) -> dict[str, Any]:
    """The request body for the document: it is read here, bounded, and not by FastAPI."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


async def _given(request: Request, model: type[Given]) -> Given:
    """The body. Raises what FastAPI would for one that is not of this shape, and a 413 Problem."""
    refuse_encoding(request)
    body = await read(request, BODY_BYTES_MAX, BODY_S_MAX)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_input=False, include_url=False)]
        raise RequestValidationError(found) from None


def _change(row: dict[str, Any], texts: bool) -> views.Change:
    said = {key: row[key] for key in ("seq", "at", "note", "refused")}
    return views.Change(**said, by=row["by_key"], sha256=row["sha256"].hex(), text=row["policy"] if texts else None)
