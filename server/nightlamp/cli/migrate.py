"""`nightlamp migrate`: the database's schema."""

import typer

app = typer.Typer(help="The database schema: status, up.", no_args_is_help=True)
