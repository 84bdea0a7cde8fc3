"""nightlamp's own tables: what the store holds, as far back as `database.keep_days`. Read only, in one transaction.

`path` is a folder with `outcomes.csv` or `.parquet` (patient, time; may have end, authority) and perhaps `data.toml`.
The database is that of `data.toml`, else of the settings; the private one of a data folder is reached through its
socket where a server runs, and started for the purpose where none does.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg
import numpy as np

from nightlamp.embedded.child import Account, EmbeddedError, socket_folder
from nightlamp.embedded.postgresql import DATABASE, EmbeddedPostgresql
from nightlamp.identity.data_folder import DataFolder, DataFolderError
from nightlamp.score.recording import DataError, Recording
from nightlamp.score.site import Site
from nightlamp.score.stored import ENCOUNTERS, MERGES, OBSERVATIONS, Stored, recording
from nightlamp.settings import ConfigurationError, Settings, load

NAME = "what nightlamp recorded"
_CONNECT_S_MAX = 10.0


def read(path: Path, patients: int | None = None) -> Recording:
    """The recorded data; `patients` takes only the first so many. Raises DataError."""
    site = Site.read(path)
    try:
        stored = asyncio.run(_stored(site, load()))
    except ConfigurationError as error:
        raise DataError(f"the settings cannot be used: {error}") from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DataError(f"the database cannot be read ({type(error).__name__})") from error
    except (DataFolderError, EmbeddedError) as error:
        raise DataError(str(error)) from error
    whole = recording(stored, site.known == "received", site.table("outcomes"), site.name or NAME)
    return whole if patients is None else whole.take(np.arange(min(patients, whole.patients)))


async def _stored(site: Site, settings: Settings) -> Stored:
    stored = Stored()
    async with (
        _connection(site, settings) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        for name, columns in (
            ("observations", OBSERVATIONS),
            ("encounter_events", ENCOUNTERS),
            ("patient_merges", MERGES),
        ):
            chunks: list[bytes] = []

            async def take(chunk: bytes, into: list[bytes] = chunks) -> None:
                into.append(chunk)

            query = f"SELECT {', '.join(columns)} FROM {name} ORDER BY seq, ordinal"  # noqa: S608
            await connection.copy_from_query(query, output=take, format="binary")
            stored.add(name, b"".join(chunks))
    return stored


@asynccontextmanager
async def _connection(site: Site, settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    url, private = site.database or settings.database.url.get_secret_value(), None
    data = Path(site.data_dir) if site.data_dir else settings.data_dir
    if not url and not (data / "postgresql" / "PG_VERSION").exists():
        raise DataError(f"{data} has no private database, and neither data.toml nor the settings name one")
    try:
        if not url:
            folder = DataFolder(data)
            try:
                folder.lock()
            except DataFolderError:  # a server runs: its database does
                sockets = quote(str(socket_folder(folder.path, Account.find())))
                url = f"postgresql://postgres@/{DATABASE}?host={sockets}&port=5432"
            else:
                private = await EmbeddedPostgresql.start(folder.path)
                url = private.url
        connection = await asyncpg.connect(url, timeout=_CONNECT_S_MAX)
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        if private:
            await private.stop()
