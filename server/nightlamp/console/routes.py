"""`/console/`: the page's files from the installed package, under a Content-Security-Policy that lets nothing else in.

All files (under 1 MB) are read once, when the router is made; a path that is not one of them is 404. The page itself is
open, it shows nothing: what it shows comes through `/v1/stream`, which asks who is there.
"""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-cache",
}


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda found: found.name):
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.rpartition(".")[2] in TYPES:
            yield prefix + entry.name, entry.read_bytes()


def router() -> APIRouter:
    """The routes `/console` and `/console/...`."""
    routes = APIRouter(include_in_schema=False)
    pages = {
        path: (body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        for path, body in _walk(files(__package__) / "static")
    }

    @routes.get("/console")
    async def without_slash() -> Response:
        return RedirectResponse("/console/", 308)

    @routes.get("/console/{path:path}")
    async def page(request: Request, path: str) -> Response:
        found = pages.get(path or "index.html")
        if found is None:
            raise HTTPException(404)
        body, tag = found
        headers = HEADERS | {"ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        kind = TYPES[(path or "index.html").rpartition(".")[2]]
        return Response(body, media_type=kind, headers=headers)

    return routes
