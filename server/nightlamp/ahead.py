"""What a start does while the server's libraries are imported, which takes a second of one core.

The HTTP door's socket is taken first, then the data folder. Beside the imports the engine opens it, and at the first
start with a private PostgreSQL its cluster is made by a process of its own, once the engine has taken the settings:
what it refuses ends the start before anything else has been made or claimed.
"""

import socket
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import TypeVar

from nightlamp import bundles
from nightlamp._core import Engine
from nightlamp.embedded import cluster
from nightlamp.endings import StartError
from nightlamp.identity.data_folder import DataFolder, FolderInUse
from nightlamp.identity.keys import KeyFile
from nightlamp.settings import Settings

Done = TypeVar("Done")
#: Connections that wait to be accepted, as uvicorn has it.
BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Opened:
    """A data folder that is this process's, and the engine on it."""

    folder: DataFolder
    keys: KeyFile
    site_key: bytes
    journal: str
    engine: Engine


@dataclass(frozen=True, slots=True)
class Ahead:
    """How far a start is."""

    listener: socket.socket
    #: None where it is left to the start itself: the folder is not free yet.
    opened: Future[Opened] | None = None
    #: Done once the private PostgreSQL's cluster is made.
    cluster: Future[None] | None = None


def begin(settings: Settings) -> Ahead:
    """Take the socket and the data folder, and begin what can be done beside the imports.

    Raises StartError, DataFolderError; what the work beside it raises is in its futures, as `open_folder` says.
    """
    listener = listen(settings)
    try:
        folder = DataFolder(settings.data_dir)
        try:
            folder.lock()
        except FolderInUse:
            return Ahead(listener)  # the start waits for it
        opened = _beside("engine", partial(open_folder, settings, folder))

        def make() -> None:
            opened.result()
            cluster.make(folder.path)

        is_first = not settings.database.url.get_secret_value() and not cluster.is_made(folder.path)
        return Ahead(listener, opened, _beside("cluster", make) if is_first else None)
    except BaseException:
        listener.close()
        raise


def open_folder(settings: Settings, folder: DataFolder) -> Opened:
    """Keys, names and engine of a folder that is locked. Raises StartError, ConfigurationError and the folder's own."""
    keys, site_key, journal = KeyFile(folder.keys), folder.site_key(), folder.journal_id()
    config = settings.engine_config(site_key, bundles.bundles(settings.models), bundles.policy(settings))
    try:
        return Opened(folder, keys, site_key, journal, Engine(str(folder.path), config))
    except (ValueError, RuntimeError) as error:
        raise StartError(str(error)) from None


def listen(settings: Settings) -> socket.socket:
    """The HTTP door's socket, listening: who comes early waits for the server, and nobody else gets the port.

    Raises StartError where it is taken.
    """
    family = socket.AF_INET6 if ":" in settings.http.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.http.host, settings.http.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(f"http {settings.http.host}:{settings.http.port}: {error.strerror}") from None
    return listener


def _beside(name: str, work: Callable[[], Done]) -> Future[Done]:
    """Run `work` on a daemon thread: a stop need not wait for it."""
    future: Future[Done] = Future()
    future.set_running_or_notify_cancel()  # who waits for it may be cancelled, not the work

    def run() -> None:
        try:
            done = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(done)

    Thread(target=run, name=name, daemon=True).start()
    return future
