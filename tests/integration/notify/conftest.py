"""Sinks with real sockets, and channels to them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from notified import Channels
from sinks import Sink, SmtpSink, WebhookSink


@pytest.fixture
def smtp() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def webhook() -> Iterator[WebhookSink]:
    with WebhookSink() as sink:
        yield sink


@pytest.fixture(params=["smtp", "webhook"])
def sink(request: pytest.FixtureRequest) -> Sink:
    """Each of them."""
    found: Sink = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def channels(tmp_path: Path) -> AsyncIterator[Channels]:
    made = Channels(tmp_path)
    yield made
    await made.stop()
