"""`/v1/policy`: the alert policy in force, as its TOML says it. Read only; the engine has checked it at the start.

For whoever may read patients or operate the server; no patient is in it.
"""

import tomllib
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from nightlamp.identity.access import requires_any
from nightlamp.identity.roles import Permission, Principal
from nightlamp.policy.checking import default_text, sha256


class Policy(BaseModel):
    """What opens an alert here, and what follows when nobody answers."""

    source: str = Field(description="default (the one nightlamp carries) or file.")
    sha256: str = Field(description="Of the text, hex.")
    text: str = Field(description="The TOML with its comments.")
    content: dict[str, Any] = Field(description="The same, parsed: tables by name.")


def router(text: str, own_file: bool) -> APIRouter:
    """`text` is the policy's, empty for the one nightlamp carries; `own_file`: the site has set one."""
    text = text or default_text()
    content = tomllib.loads(text)
    shown = Policy(
        source="file" if own_file else "default",
        sha256=sha256(text),
        text=text,
        content=content,
    )
    routes = APIRouter(prefix="/v1", tags=["alerts"])

    @routes.get("/policy", summary="The alert policy in force")
    async def policy(_: Annotated[Principal, Depends(requires_any(Permission.READ, Permission.OPERATE))]) -> Policy:
        """Rules, thresholds and chains of escalation."""
        return shown

    return routes
