"""What the commands about policies share: the file's text, the scores a server of these settings has, a refusal."""

from pathlib import Path
from typing import NoReturn

import typer
from rich.markup import escape

from nightlamp._core import Scorers
from nightlamp.bundles import bundles
from nightlamp.policy.checking import TEXT_BYTES_MAX, PolicyRefused
from nightlamp.settings import ConfigurationError, Settings

from .terminal import err, fail


def read(file: Path) -> str:
    """The file's text; leaves with 2 where there is none."""
    try:
        with file.open("rb") as opened:
            return opened.read(TEXT_BYTES_MAX + 1).decode()
    except OSError as error:
        fail(f"{file}: {error.strerror}", 2)
    except UnicodeDecodeError:
        fail(f"{file}: not UTF-8", 2)


def loaded(settings: Settings) -> Scorers:
    """Rules and bundles; leaves with 2 where a bundle is refused."""
    try:
        return Scorers(bundles(settings.models))
    except (ConfigurationError, ValueError) as error:
        fail(str(error), 2)


def refuse(file: Path, refused: PolicyRefused) -> NoReturn:
    """Say where and why, the line shown, and leave with 1."""
    where = f"{file}, line {refused.line}" if refused.line else str(file)
    err.print(f"[bold red]nightlamp:[/] {escape(f'{where}: {refused.message}')}", highlight=False)
    if refused.shown:
        err.print(f"{refused.line:>6} | {escape(refused.shown)}", highlight=False)
    raise typer.Exit(1)
