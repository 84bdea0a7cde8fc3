"""`nightlamp token`: a one-time token that opens the console."""

from typing import Annotated

import typer

from nightlamp.identity.roles import Role

from .remote import Key, Url, call, server_url
from .terminal import err, settings_of


def token(
    context: typer.Context,
    role: Annotated[Role, typer.Option(help="As whom the console is opened.")] = Role.CHARGE_NURSE,
    key: Key = "",
    url: Url = None,
) -> None:
    """Print the console's address with a one-time token (needs a key with the role admin)."""
    base = url or server_url(settings_of(context))
    answer = call(base, "POST", "/v1/console/tokens", key, {"role": role.value})
    err.print("Good once, for a few minutes:")
    typer.echo(f"{base}/console/#token={answer['token']}")
