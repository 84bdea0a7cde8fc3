"""`Cache-Control: no-store` on every answer under `/v1/`, refusals too: names and record numbers lie in no disk cache.

One wrapped `send` a request, no copy of a body. `POST /v1/hl7v2` on its short way does not come here: `http_line.py`
says the same.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PREFIX = "/v1/"
_HEADER = (b"cache-control", b"no-store")


class NotStored:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; an answer that names its own `Cache-Control` keeps it."""
        if scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                if not any(name == b"cache-control" for name, _ in headers):
                    message["headers"] = [*headers, _HEADER]
            await send(message)

        await self._app(scope, receive, marked)
