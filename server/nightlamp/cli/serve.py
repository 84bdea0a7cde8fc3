"""`nightlamp serve`."""

import typer

from .terminal import fail, settings_of


def serve(context: typer.Context) -> None:
    """Run the server until Ctrl-C."""
    settings_of(context)
    fail("not built yet")
