"""Fixtures for every tier: a running server, shared by the session or of a test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_server import RunningServer, start_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for the whole session. Tests that use it name patients and beds of their own and leave it running."""
    running = start_server(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Starts servers of the test's own: `new_server(**settings)`; called again, it starts on the same data folder."""
    started: list[RunningServer] = []

    def start(data_dir: Path = tmp_path, **settings: str) -> RunningServer:
        started.append(start_server(data_dir, **settings))
        return started[-1]

    yield start
    for running in started:
        running.stop()
