"""The database of a data folder, for one command: the running one, an external one, or the private one, started."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from nightlamp.backup.manifest import BackupError
from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.settings import Settings

CONNECT_S = 10.0


@asynccontextmanager
async def connected(settings: Settings, folder: Path, *, running: bool, make: bool = False) -> AsyncIterator[Any]:
    """A connection to the database of the settings, else to the private one of the folder, which is started unless a
    server has it running; `make` allows a new, empty one. Raises BackupError and EmbeddedError."""
    async with contextlib.AsyncExitStack() as stack:
        url = settings.database.url.get_secret_value()
        if not url and running:
            url = EmbeddedPostgresql.url_of(folder)
        elif not url:
            if not make and not (folder / "postgresql" / "PG_VERSION").exists():
                raise BackupError(f"{folder} holds no database, and database.url names none")
            private = await EmbeddedPostgresql.start(folder)
            stack.push_async_callback(private.stop)
            url = private.url
        try:
            connection = await asyncpg.connect(
                url,
                timeout=CONNECT_S,
                server_settings={"application_name": "nightlamp backup", "timezone": "UTC"},
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise BackupError(f"the database does not answer: {type(error).__name__}") from None
        stack.push_async_callback(connection.close)
        try:
            yield connection
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # Its text may repeat a row (P6).
            state = getattr(error, "sqlstate", None)
            raise BackupError(
                f"the database: {type(error).__name__}{f' (SQLSTATE {state})' if state else ''}"
            ) from error
