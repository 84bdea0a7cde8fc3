"""P2: a line to PostgreSQL that breaks, and an order to stop, while a COPY waits for room in it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator

import pytest
import uvloop
from copy_rows import batch, dead_letter

from nightlamp.store import Store, StoreUnavailable
from tests.fault.oracle.neighbours import Postgresql

NOTICED_S_MAX = 20.0
#: More than any socket buffers.
LETTER = bytes(24 << 20)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgresql]:
    found = Postgresql(tmp_path_factory.mktemp("cut"))
    yield found
    found.stop()


def _cut(store: Store, outside: Postgresql, seq: int) -> "asyncio.Task[object]":
    """A write whose line breaks after a quarter of it, while the rest waits for room in it."""
    outside.line.cut(after_bytes=len(LETTER) // 4)
    return asyncio.create_task(store.write(batch(seq, seq, dead_letters=[dead_letter(seq, raw=LETTER)])))


def _with_store(url: str, work: Callable[[Store], Coroutine[object, object, None]]) -> None:
    """On the server's own kind of loop: what asyncio's tells a writer of a broken line, uvloop's does not."""

    async def run() -> None:
        store = await Store.connect(url)
        await store.migrate()
        try:
            await work(store)
        finally:
            await store.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_p2_a_line_that_breaks_under_a_write_that_waits_for_it_is_noticed(outside: Postgresql) -> None:
    async def work(store: Store) -> None:
        seq = await store.cursor() + 1
        writing = _cut(store, outside, seq)
        await asyncio.wait({writing}, timeout=NOTICED_S_MAX)
        assert isinstance(writing.exception(), StoreUnavailable)
        await store.write(batch(seq, seq, dead_letters=[dead_letter(seq, raw=LETTER)]))
        assert await store.cursor() == seq

    _with_store(outside.url, work)


def test_an_order_to_stop_is_heard_by_a_write_whose_line_broke(outside: Postgresql) -> None:
    async def work(store: Store) -> None:
        writing = _cut(store, outside, await store.cursor() + 1)
        while outside.line.connections:  # noqa: ASYNC110 (counted by threads)
            await asyncio.sleep(0.01)
        writing.cancel()
        await asyncio.wait({writing}, timeout=NOTICED_S_MAX)
        assert writing.cancelled()

    _with_store(outside.url, work)
