"""From a connection to a principal, before any body is read: `Authorization`, `X-API-Key` or the console's cookie."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.requests import HTTPConnection

from nightlamp.errors import Problem

from .keys import KeyFile
from .refusals import RefusedSignIns
from .roles import Permission, Principal
from .sessions import COOKIE, Sessions


class Access:
    """The one door guard of HTTP and WebSocket."""

    def __init__(self, keys: KeyFile, sessions: Sessions) -> None:
        self.keys, self.sessions, self.refused_sign_ins = keys, sessions, RefusedSignIns()

    def principal(self, connection: HTTPConnection) -> Principal:
        """Who is asking. Raises a 401 `Problem` when nobody valid is."""
        headers = connection.headers
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        text = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        if text:
            found = self.keys.authenticate(text)
        else:
            session = connection.cookies.get(COOKIE, "")
            found = self.sessions.principal(session) if session and _same_origin(connection) else None
            found = found and self._within_key(found)
        if found is None:
            raise Problem(401, "unauthenticated", "Send a valid key as 'Authorization: Bearer nl_...' or 'X-API-Key'.")
        return found

    def _within_key(self, session: Principal) -> Principal | None:
        """A session ends with the key it came from, and sees no more than that key does now."""
        key = self.keys.of(session.id)
        if key is None or key.units is None:
            return session if key is not None else None
        return replace(session, units=key.units if session.units is None else session.units & key.units)

    def require_any(self, connection: HTTPConnection, *permissions: Permission) -> Principal:
        """The principal, if it may do one of these. Raises a 401 or 403 `Problem` otherwise."""
        found = self.principal(connection)
        if not any(found.may(one) for one in permissions):
            raise Problem(
                403, "forbidden", f"The role {found.role} has none of the permissions {', '.join(permissions)}."
            )
        return found

    def require(self, connection: HTTPConnection, permission: Permission, source: str | None = None) -> Principal:
        """The principal, if it may do this (and use this door). Raises a 401 or 403 `Problem` otherwise."""
        found = self.principal(connection)
        if not found.may(permission):
            raise Problem(403, "forbidden", f"The role {found.role} does not have the permission {permission}.")
        if source is not None and source not in found.sources:
            raise Problem(403, "forbidden", f"This key is not scoped to the source {source}.")
        return found


def _same_origin(connection: HTTPConnection) -> bool:
    """A cookie only counts for pages of this very host and port: SameSite alone lets other ports of the host in."""
    origin = connection.headers.get("origin")
    return origin is None or origin.partition("://")[2] == connection.headers.get("host")


def requires(permission: Permission) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """A FastAPI dependency: `principal: Annotated[Principal, Depends(requires(Permission.READ))]`."""

    async def dependency(connection: HTTPConnection) -> Principal:
        access: Access = connection.app.state.access
        return access.require(connection, permission)

    return dependency


def requires_any(*permissions: Permission) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """A FastAPI dependency like `requires`, for what several kinds of people may see."""

    async def dependency(connection: HTTPConnection) -> Principal:
        access: Access = connection.app.state.access
        return access.require_any(connection, *permissions)

    return dependency
