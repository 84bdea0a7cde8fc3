"""`nightlamp --help`: the list of commands."""

from pathlib import Path
from typing import Annotated

import typer

import nightlamp

from . import (
    backup,
    config,
    dead_letters,
    demo,
    evaluate,
    keys,
    migrate,
    models,
    notify,
    parity,
    policy,
    replay,
    serve,
    token,
    train,
    transfer,
)
from .terminal import out

app = typer.Typer(
    name="nightlamp",
    help="Watches over a ward: HL7 v2 and monitors in, risk scores and alerts out.\n\n"
    "Without settings, `nightlamp serve` starts with its own PostgreSQL and Redis in ./data. "
    "Research software, not a medical device.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root(
    context: typer.Context,
    config_file: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Settings file (TOML); else $NIGHTLAMP_CONFIG, else ./nightlamp.toml."),
    ] = None,
) -> None:
    context.obj = {"config": config_file}


@app.command()
def version() -> None:
    """Print the version."""
    out.print(f"nightlamp {nightlamp.__version__}", highlight=False)


app.command("serve")(serve.serve)
app.command("config")(config.config)
app.command("demo")(demo.demo)
app.command("backup")(backup.backup)
app.command("verify")(backup.verify)
app.command("restore")(backup.restore)
app.command("token")(token.token)
app.command("replay")(replay.replay)
app.command("train")(train.train)
app.command("transfer")(transfer.transfer)
app.command("parity")(parity.parity)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(keys.app, name="keys")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(models.app, name="models")
app.add_typer(policy.app, name="policy")
app.add_typer(notify.app, name="notify")
app.add_typer(migrate.app, name="migrate")


def main() -> None:
    """Run the command line."""
    app()
