"""`nightlamp migrate`: the database's schema. `nightlamp serve` brings it up to date by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import typer
from rich.table import Table

from nightlamp.settings import Settings

from .terminal import err, fail, out, settings_of

app = typer.Typer(help="The database schema: status, up.", no_args_is_help=True)


@app.command()
def status(context: typer.Context) -> None:
    """List the migrations and whether the database has them. Exit code 1 where one is missing or differs."""
    states = asyncio.run(_status(settings_of(context)))
    table = Table("version", "name", "state", "applied", box=None)
    for one in states:
        table.add_row(str(one.version), one.name, one.state, one.applied_at)
    out.print(table)
    if any(one.state != "applied" for one in states):
        raise typer.Exit(1)


@app.command()
def up(context: typer.Context) -> None:
    """Apply what is missing."""
    applied = asyncio.run(_up(settings_of(context)))
    err.print(f"Applied: {', '.join(applied)}." if applied else "The schema is up to date.")


async def _status(settings: Settings) -> list[Any]:
    from nightlamp.store import migrate

    async with _connection(settings) as connection:
        return list(await migrate.status(connection))


async def _up(settings: Settings) -> list[str]:
    from nightlamp.store import migrate

    async with _connection(settings) as connection:
        return list(await migrate.migrate(connection))


@asynccontextmanager
async def _connection(settings: Settings) -> AsyncIterator[Any]:
    """To the database of the settings; the private one is started for it, unless a server has it running."""
    import asyncpg

    from nightlamp.embedded.child import EmbeddedError
    from nightlamp.embedded.postgresql import EmbeddedPostgresql
    from nightlamp.identity.data_folder import DataFolder, DataFolderError
    from nightlamp.store import MigrationError

    url, private = settings.database.url.get_secret_value(), None
    try:
        if not url:
            folder = DataFolder(settings.data_dir)
            folder.lock()
            private = await EmbeddedPostgresql.start(folder.path)
            url = private.url
        connection = await asyncpg.connect(url, timeout=10)
        try:
            yield connection
        finally:
            await connection.close()
    except (DataFolderError, EmbeddedError, MigrationError) as error:
        fail(str(error))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        fail(f"the database does not answer: {type(error).__name__}")
    finally:
        if private is not None:
            await private.stop()
