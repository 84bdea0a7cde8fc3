"""Every error answer of the HTTP door as problem+json (RFC 9457), without identity, input or tracebacks.

Codes are those of core_rs/src/error.rs; the few that only HTTP knows stand below.
"""

from collections.abc import Mapping

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

_log = structlog.get_logger("nightlamp.errors")
PROBLEM_JSON = "application/problem+json"
_CODE_BY_STATUS = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media",
}


class Problem(Exception):
    """A refusal on its way to the sender: `code` is stable, `detail` says which field and what was expected.

    `extra`: more members of the answer, such as the line of a policy.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status, self.code, self.detail, self.extra = status, code, detail, extra or {}
        self.headers = dict(headers or {})
        if status in {503, 507}:
            self.headers.setdefault("Retry-After", "1" if status == 503 else "30")
        if status == 401:
            self.headers.setdefault("WWW-Authenticate", 'Bearer realm="nightlamp"')

    def response(self, extra: Mapping[str, object] | None = None) -> Response:
        """This problem as an answer."""
        body = {
            "type": f"urn:nightlamp:problem:{self.code}",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.extra,
            **(extra or {}),
        }
        return Response(orjson.dumps(body), self.status, self.headers, PROBLEM_JSON)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODE_BY_STATUS.get(error.status_code, "refused")
    return Problem(error.status_code, code, str(error.detail), error.headers).response()


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [{"field": ".".join(str(part) for part in one["loc"]), "expected": one["msg"]} for one in error.errors()]
    detail = "; ".join(f"{one['field']}: {one['expected']}" for one in fields[:5])
    return Problem(422, "invalid_request", detail).response({"errors": fields})


async def internal(connection: HTTPConnection, error: Exception) -> Response:
    """The answer to an error nobody expected: logged with its place, answered without it."""
    _log.error("internal error", route=connection.scope["path"].split("/")[1:3], exc_info=error)
    return Problem(500, "internal", "An internal error; it was recorded.").response()


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, internal)
