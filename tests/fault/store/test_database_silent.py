"""P2: a line that goes silent in the middle of COPY, or takes the answer to COMMIT with it, costs no row and no hour.

PostgreSQL does not notice that we are gone: the old session holds the cursor's row. The next connection ends it.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration" / "store"))
from copy_rows import Rows, batch, observation

from nightlamp.store import Store, StoreUnavailable
from nightlamp.store import rows as writing
from nightlamp.store import writer as connecting

from .database import Database


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = Database(tmp_path_factory.mktemp("silent") / "database")
    yield found
    found.close()


@pytest.fixture
async def store(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """Ten frames are in; no statement may take longer than a few seconds, migrations on a slow machine included."""
    monkeypatch.setattr(writing, "COPY_S", 3.0)
    monkeypatch.setattr(connecting, "STATEMENT_S", 5.0)
    database.fetch("DROP SCHEMA public CASCADE")
    database.fetch("CREATE SCHEMA public")
    found = await Store.connect(database.url)
    await found.migrate()
    await found.claim("journal-a")
    await found.write(_rows(1, 10))
    yield found
    await found.close()


def _rows(first: int, last: int) -> Rows:
    return batch(first, last, observations=[observation(seq) for seq in range(first, last + 1)])


def _seqs(database: Database) -> list[int]:
    return list(database.value("SELECT array_agg(seq ORDER BY seq) FROM observations"))


async def test_p2_a_line_silent_inside_copy_does_not_keep_the_cursor(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = writing.joined

    async def muted(streams: Any) -> AsyncIterator[memoryview]:
        async for piece in whole(streams):
            yield piece[: len(piece) // 2]
            database.line.mute()
            yield piece[len(piece) // 2 :]

    monkeypatch.setattr(writing, "joined", muted)
    with pytest.raises(StoreUnavailable):
        await store.write(_rows(11, 20))
    monkeypatch.setattr(writing, "joined", whole)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'nightlamp store' AND state <> 'idle'"
    assert database.value(waiting) == 1, "the old session still waits for the rest of its rows"
    assert (await store.write(_rows(11, 20))).cursor == 20
    assert database.value(waiting) == 0
    assert _seqs(database) == list(range(1, 21))


@pytest.mark.parametrize("committed", [True, False])
async def test_p2_the_cursor_tells_what_became_of_a_commit_whose_answer_never_came(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """The line goes silent after COMMIT has been executed, or before it has arrived."""
    commit = asyncpg.transaction.Transaction._Transaction__commit

    async def unheard(self: Any) -> None:
        if not committed:
            database.line.mute()
        await commit(self)
        database.line.mute()
        raise TimeoutError

    monkeypatch.setattr(asyncpg.transaction.Transaction, "_Transaction__commit", unheard)
    with pytest.raises(StoreUnavailable):
        await store.write(_rows(11, 20))
    monkeypatch.undo()
    written = await store.write_many([_rows(11, 20), _rows(21, 30)])
    assert (written.cursor, written.skipped) == (30, int(committed))
    assert _seqs(database) == list(range(1, 31))
