"""Console sessions over HTTP.

Who signs in shows a one-time token, which an administrator issued, or a key of his or her own; the page gets a cookie.
What a person does is recorded under the key's id, so people who act sign in with their own. A session nobody uses ends
(`sessions.py`): the page says `POST /v1/console/session/seen` when a hand is on it, and nothing else counts.

The audit log tells who issued a token and for which role and units, who signed in and out, and what was refused; never
a token, a key or a cookie.
"""

import asyncio
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from nightlamp.errors import Problem

from .access import Access, requires
from .roles import PERMISSIONS, Permission, Principal, Role
from .sessions import COOKIE

_log = structlog.get_logger("nightlamp.audit")


class TokenWanted(BaseModel):
    """For whom the token is."""

    model_config = ConfigDict(extra="forbid")

    role: Role = Role.CHARGE_NURSE
    units: list[str] | None = Field(None, max_length=1_000, description="Wards to see; absent: all.")


class Token(BaseModel):
    """A one-time token, or a key of one's own."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=128)


def _session(access: Access, text: str) -> str:
    """A session for a one-time token, or for a person's own key. A 401 Problem for a key that is no person's (a
    device's, an EHR's) and for what is neither."""
    session, way = access.sessions.exchange(text), "token"
    if session is None:
        found, way = access.keys.authenticate(text), "key"
        if found is None or not (found.may(Permission.READ) or found.may(Permission.OPERATE)):
            access.refused_sign_ins.note(found)
            raise Problem(401, "unauthenticated", "The token is unknown, used or too old; ask for a new one.")
        session = access.sessions.open(Principal(found.id, found.role, frozenset(), found.units))
    if (who := access.sessions.principal(session)) is not None:
        _log.info("signed in", principal=who.id, role=who.role, units=_units(who), way=way)
    return session


def _end(access: Access, session: str) -> None:
    """The session of a cookie, if it is one, is over."""
    if (who := access.sessions.principal(session)) is not None:
        access.sessions.end(session)
        _log.info("signed out", principal=who.id, role=who.role)


def _units(who: Principal) -> list[str] | None:
    """None: all."""
    return None if who.units is None else sorted(who.units)


def router(idle_lock_s: int = 0, *, secure: bool | None = None) -> APIRouter:
    """`/v1/console/tokens` and `/v1/console/session`. `secure`: the cookie's flag; None: as the request's scheme is."""
    routes = APIRouter(prefix="/v1/console", tags=["identity"])

    @routes.post("/tokens", summary="Issue a one-time console token", status_code=201)
    async def issue(
        request: Request, wanted: TokenWanted, admin: Annotated[Principal, Depends(requires(Permission.ADMIN))]
    ) -> Token:
        """Valid once, for a few minutes; it opens a session with the role asked for."""
        access: Access = request.app.state.access
        units = frozenset(wanted.units) if wanted.units is not None else admin.units
        person = Principal(admin.id, wanted.role, frozenset(), units)
        _log.info(
            "one-time token issued", principal=admin.id, role=admin.role, for_role=person.role, for_units=_units(person)
        )
        return Token(token=access.sessions.issue(person))

    @routes.post("/session", summary="Exchange a token for a session cookie", status_code=204)
    async def open_session(request: Request, given: Token) -> Response:
        """Sets an HttpOnly, SameSite=Strict cookie. A one-time token is spent; a session there was before ends."""
        access: Access = request.app.state.access
        session = _session(access, given.token)
        _end(access, request.cookies.get(COOKIE, ""))
        await asyncio.to_thread(access.sessions.keep)
        answer = Response(status_code=204)
        marked = request.url.scheme == "https" if secure is None else secure
        max_age_s = int(access.sessions.session_ttl_s)
        answer.set_cookie(COOKIE, session, max_age=max_age_s, httponly=True, samesite="strict", secure=marked)
        return answer

    @routes.get("/session", summary="Who am I?")
    async def who(request: Request) -> dict[str, Any]:
        """Role, permissions and wards of the caller, and after how long without a hand the page is to lock itself."""
        access: Access = request.app.state.access
        found = access.principal(request)
        return {
            "id": found.id,
            "role": found.role,
            "permissions": sorted(PERMISSIONS[found.role]),
            "units": _units(found),
            "idle_lock_s": idle_lock_s,
        }

    @routes.post("/session/seen", summary="Somebody uses this session", status_code=204)
    async def seen(request: Request) -> Response:
        """Keeps it from ending idle. The page says so when it is touched, at most once a minute."""
        access: Access = request.app.state.access
        access.principal(request)
        if access.sessions.touch(request.cookies.get(COOKIE, "")):
            await asyncio.to_thread(access.sessions.keep)
        return Response(status_code=204)

    @routes.delete("/session", summary="Sign out", status_code=204)
    async def close_session(request: Request) -> Response:
        """Ends the session of the cookie."""
        access: Access = request.app.state.access
        access.principal(request)
        _end(access, request.cookies.get(COOKIE, ""))
        await asyncio.to_thread(access.sessions.keep)
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    return routes
