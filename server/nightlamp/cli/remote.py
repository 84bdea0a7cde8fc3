"""How commands speak to the running server: over HTTP, with a key from `--key` or $NIGHTLAMP_KEY."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from nightlamp.settings import Settings

from .terminal import fail

Key = Annotated[str, typer.Option("--key", envvar="NIGHTLAMP_KEY", help="API key.", show_envvar=True)]
Url = Annotated[
    str | None, typer.Option("--url", envvar="NIGHTLAMP_URL", help="The server; from the settings, if absent.")
]
TIMEOUT_S = 30.0


def server_url(settings: Settings) -> str:
    """The server's address as the settings give it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.http.host, settings.http.host)  # noqa: S104 (not bound)
    return f"{'https' if settings.http.tls else 'http'}://{host}:{settings.http.port}"


def call(
    base: str,
    method: str,
    path: str,
    key: str,
    body: Any = None,
    more_headers: Mapping[str, str] | None = None,
    refused: Callable[[dict[str, Any]], None] | None = None,
) -> Any:
    """One request; its JSON. Leaves with 1 and the server's own words when it refuses.

    `refused` is given the problem first, and may leave with better words.
    """
    if not key:
        fail("a key is needed: --key or $NIGHTLAMP_KEY (nightlamp keys create --role admin)", 2)
    if not base.startswith(("http://", "https://")):
        fail("the address of the server starts with http:// or https://", 2)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **(more_headers or {})}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, content, headers, method=method)  # noqa: S310 (checked above)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 (scheme checked above)
            return json.load(answer)
    except urllib.error.HTTPError as error:
        problem = _problem(error.read(65_536))
        if refused is not None:
            refused(problem)
        fail(f"{error.code} {problem.get('detail', '')}".strip())
    except OSError as error:
        fail(f"no answer from {base}: {getattr(error, 'reason', error)}; is the server running?")


def _problem(body: bytes) -> dict[str, Any]:
    """The members of a problem+json; none where it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
