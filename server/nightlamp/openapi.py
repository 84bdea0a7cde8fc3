"""The OpenAPI document: FastAPI's, plus the two doors that are plain routes, plus problem+json for errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nightlamp.receive import http as receive

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; `detail` names the field and what was expected.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "code", "detail"],
}
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `nl_<id>_<secret>`."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "session": {"type": "apiKey", "in": "cookie", "name": "nightlamp_session"},
}
_REFUSED = {
    "401": "No valid credential.",
    "403": "The credential does not allow this.",
    "422": "A parameter is not what it should be.",
}
_METHODS = {"get", "post", "put", "delete", "patch"}


def install(app: FastAPI) -> None:
    """Make `app.openapi()` the whole document; made once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    made["paths"].update(receive.OPENAPI)
    components = made.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["securitySchemes"] = _SCHEMES
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                _complete(path, operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    return made


def _complete(path: str, operation: dict[str, Any]) -> None:
    if path in {"/livez", "/v1/console/session"}:
        operation["security"] = []
    else:
        operation["security"] = [{name: []} for name in _SCHEMES]
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses = operation["responses"]
    if path in receive.OPENAPI:
        return
    for status, text in _REFUSED.items():
        if operation["security"] or status == "422":
            responses[status] = {"description": text, "content": content}
