"""P2: a database that is no longer the one that was claimed is refused, in words; no frame is taken for stored."""

import asyncpg
import pytest
from copy_rows import Rows, batch, observation

from nightlamp.store import Store, StoreChanged


def _rows(first: int, last: int) -> Rows:
    return batch(first, last, observations=[observation(seq) for seq in range(first, last + 1)])


@pytest.fixture
async def claimed(store: Store) -> Store:
    """A store in use: frames 1 to 20 are in."""
    await store.claim("journal-a")
    await store.write(_rows(1, 10))
    await store.write(_rows(11, 20))
    return store


async def test_p2_a_database_restored_from_a_backup_is_refused(claimed: Store, sql: asyncpg.Connection) -> None:
    await sql.execute("DELETE FROM observations WHERE seq > 10")
    await sql.execute("UPDATE store_cursor SET seq = 10")
    for first in (11, 21):
        with pytest.raises(StoreChanged, match="stands at frame 10, and had confirmed 20"):
            await claimed.write(_rows(first, 30))
    # A restart begins at the database's cursor and makes the rows again.
    assert await claimed.claim("journal-a") == 10
    assert (await claimed.write(_rows(11, 30))).cursor == 30
    assert await sql.fetchval("SELECT count(DISTINCT seq) FROM observations") == 30


async def test_p2_a_database_of_another_journal_is_refused_whatever_its_cursor(
    claimed: Store, sql: asyncpg.Connection
) -> None:
    """Its cursor stands ahead: the frames would count as stored, and nobody would ever see them again."""
    await sql.execute("UPDATE store_cursor SET seq = 1000, journal = 'journal-b'")
    with pytest.raises(StoreChanged, match="exchanged"):
        await claimed.write(_rows(21, 30))
    assert await sql.fetchval("SELECT max(seq) FROM observations") == 20


async def test_p2_a_second_server_on_the_same_database_is_noticed(claimed: Store, url: str) -> None:
    other = await Store.connect(url)
    assert await other.claim("journal-a") == 20
    await other.write(_rows(21, 30))
    with pytest.raises(StoreChanged, match="another server"):
        await claimed.write(_rows(21, 30))
    await other.close()


@pytest.mark.parametrize(
    "how", ["DELETE FROM store_cursor", "DROP TABLE store_cursor", "DROP TABLE observations CASCADE"]
)
async def test_p2_an_emptied_database_is_refused(claimed: Store, sql: asyncpg.Connection, how: str) -> None:
    await sql.execute(how)
    with pytest.raises(StoreChanged, match=r"emptied|lost tables"):
        await claimed.write(_rows(21, 30))


async def test_p2_a_lost_answer_to_commit_is_no_change(
    claimed: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor stands at a frame whose COMMIT nobody answered: that is our own doing."""
    commit = asyncpg.transaction.Transaction._Transaction__commit

    async def committed_but_unheard(self: object) -> None:
        await commit(self)
        raise ConnectionResetError

    monkeypatch.setattr(asyncpg.transaction.Transaction, "_Transaction__commit", committed_but_unheard)
    with pytest.raises(Exception, match="ConnectionResetError"):
        await claimed.write_many([_rows(21, 30), _rows(31, 40)])
    monkeypatch.undo()
    assert (await claimed.write(_rows(21, 30))).skipped == 1
    assert (await claimed.write_many([_rows(31, 40), _rows(41, 50)])).skipped == 1
    assert await sql.fetchval("SELECT array_agg(seq ORDER BY seq) FROM observations") == list(range(1, 51))
