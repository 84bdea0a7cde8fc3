"""What the commands share of the terminal: where to print, how to fail, which settings hold."""

from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from nightlamp.bundles import newest
from nightlamp.settings import ConfigurationError, Settings, load

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def fail(text: str, code: int = 1) -> NoReturn:
    """Say why on standard error and leave."""
    err.print(f"[bold red]nightlamp:[/] {escape(text)}", highlight=False)
    raise typer.Exit(code)


def settings_of(context: typer.Context) -> Settings:
    """The settings that `--config`, the environment and ./nightlamp.toml give; leaves with 2 where they are wrong."""
    config: Path | None = (context.find_root().obj or {}).get("config")
    try:
        return load(config)
    except ConfigurationError as error:
        fail(f"the settings cannot be used\n  {str(error).replace(chr(10), chr(10) + '  ')}", 2)


def bundle_folder(bundle: str, models: Path) -> Path:
    """The folder named, or the newest version of the name under `models`; leaves with 2 where there is none."""
    if (Path(bundle) / "manifest.toml").is_file():
        return Path(bundle)
    known = newest(models)
    if bundle not in known:
        fail(f"there is no bundle {bundle}; under {models} there is {', '.join(sorted(known)) or 'none'}", 2)
    return known[bundle]
