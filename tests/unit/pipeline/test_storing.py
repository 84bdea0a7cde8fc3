"""From lane to database: small pieces where only small ones pass, one by one where a row is refused (P2, P4)."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nightlamp import storing
from nightlamp.spool import Lane, Rows, StoredRows
from nightlamp.store import RowsRefused, StoreChanged, StoreUnavailable, Written
from nightlamp.storing import StoreProgress, Storing


class Engine:
    def __init__(self) -> None:
        self.stored_seq = 0

    def stored(self, seq: int) -> None:
        self.stored_seq = seq

    def read_frame(self, seq: int) -> None:
        return None


class Database:
    """Writes what `refusal` has nothing against."""

    def __init__(self, refusal: Callable[[Sequence[Rows]], Exception | None]) -> None:
        self.refusal, self.transactions, self.apart = refusal, list[list[int]](), list[int]()

    async def write_many(self, batches: Sequence[Rows]) -> Written:
        await asyncio.sleep(0)
        if (error := self.refusal(batches)) is not None:
            raise error
        self.transactions.append([batch.first_seq for batch in batches])
        return Written(batches[-1].last_seq, rows={"scores": len(batches)})

    async def write_apart(self, batch: Rows, frame_of: object) -> Written:
        self.apart.append(batch.first_seq)
        return Written(batch.last_seq, rows={"dead_letters": 1}, refused=1)

    @property
    def written(self) -> list[int]:
        return [seq for transaction in self.transactions for seq in transaction]


def _rows(seq: int, size: int = 1_000) -> StoredRows:
    return StoredRows(seq, seq, 1, [("scores", 1, b"x" * size)])


@asynccontextmanager
async def _stored(folder: Path, database: Database, batches: int) -> AsyncIterator[StoreProgress]:
    """While so many batches are stored; most of them wait in the spool."""
    lane, progress, engine = Lane(folder / "spool", 10_000, 1 << 30), StoreProgress(), Engine()
    for seq in range(1, batches + 1):
        await lane.put(_rows(seq))
    task = asyncio.create_task(Storing(engine, database, lane, progress).run())
    yield progress
    async with asyncio.timeout(30):
        await lane.empty()
    assert progress.stored_seq == engine.stored_seq == progress.frames_stored == batches
    task.cancel()
    lane.close()


async def test_a_backlog_is_written_in_few_transactions(tmp_path: Path) -> None:
    database = Database(lambda _: None)
    async with _stored(tmp_path, database, 1_000):
        pass
    assert database.written == list(range(1, 1_001))
    assert len(database.transactions) <= 5


async def test_p3_a_database_that_manages_small_pieces_only_gets_small_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "RETRY_S_MAX", 0.01)

    def refusal(batches: Sequence[Rows]) -> Exception | None:
        return StoreUnavailable("TimeoutError") if len(batches) > 3 else None

    database = Database(refusal)
    async with _stored(tmp_path, database, 20) as progress:
        pass
    assert database.written == list(range(1, 21))
    assert progress.store_failures > 0


async def test_p4_one_refused_row_is_looked_for_in_its_own_batch_only(tmp_path: Path) -> None:
    def refusal(batches: Sequence[Rows]) -> Exception | None:
        return RowsRefused("23514") if any(batch.first_seq == 17 for batch in batches) else None

    database = Database(refusal)
    async with _stored(tmp_path, database, 40) as progress:
        pass
    assert database.apart == [17]
    assert database.written == [seq for seq in range(1, 41) if seq != 17]
    assert (progress.rows_refused, progress.rows_stored) == (1, {"scores": 39, "dead_letters": 1})
    assert progress.store_failures == 0


async def test_p2_a_database_that_changed_is_shown_as_in_need_of_a_person_until_it_is_given_back(
    tmp_path: Path,
) -> None:
    away = asyncio.Event()
    database = Database(lambda _: None if away.is_set() else StoreChanged("it was exchanged"))
    async with _stored(tmp_path, database, 5) as progress:
        async with asyncio.timeout(10):
            while not progress.store_stuck:  # noqa: ASYNC110 (code under test sets no event)
                await asyncio.sleep(0.005)
        assert progress.store_error == "it was exchanged"
        away.set()
    assert (progress.store_error, progress.store_stuck) == (None, False)


async def test_p3_a_spool_file_that_cannot_be_removed_is_counted_and_storing_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(self: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "read-only file system")

    database, lane, progress = Database(lambda _: None), Lane(tmp_path / "spool", 2_000, 1 << 30), StoreProgress()
    for seq in range(1, 41):
        await lane.put(_rows(seq))
    monkeypatch.setattr(Path, "unlink", unlink)
    task = asyncio.create_task(Storing(Engine(), database, lane, progress).run())
    async with asyncio.timeout(30):
        await lane.empty()
        await lane.put(_rows(41))
        await lane.empty()
    assert not task.done()
    assert database.written == list(range(1, 42))
    assert (lane.files_left, progress.store_error) == (1, None)
    task.cancel()


async def test_an_error_behind_the_write_is_shown_and_does_not_end_storing(tmp_path: Path) -> None:
    class Failing(Engine):
        def stored(self, seq: int) -> None:
            if seq == 1:
                raise OSError(errno.EIO, "input/output error")
            super().stored(seq)

    database, lane, progress = Database(lambda _: None), Lane(tmp_path / "spool", 10_000, 1 << 30), StoreProgress()
    task = asyncio.create_task(Storing(Failing(), database, lane, progress).run())
    await lane.put(_rows(1))
    async with asyncio.timeout(10):
        while progress.store_error != "OSError":  # noqa: ASYNC110 (code under test sets no event)
            await asyncio.sleep(0.005)
        await lane.put(_rows(2))
        await lane.empty()
    assert not task.done()
    assert database.written == [1, 2]
    task.cancel()
