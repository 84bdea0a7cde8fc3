"""The Python half of the route: published at once, stored in order and once, whatever PostgreSQL does (P2, P3)."""

import asyncio
import os
import queue
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nightlamp.pipeline import Pipeline
from nightlamp.spool import Lane, Rows
from nightlamp.store import Written


@dataclass
class Made:
    """A batch as the engine makes it."""

    first_seq: int
    last_seq: int
    frames: int
    tables: list[tuple[str, int, bytes]]
    messages: list[tuple[str, str, str, int, bytes]] = field(default_factory=list)


class Source:
    """The engine's queue of finished batches, and the bell that says that there are some."""

    def __init__(self) -> None:
        self.queue: queue.Queue[Made] = queue.Queue()
        self.stored_seq, self.bell = 0, os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def put(self, made: Made) -> None:
        self.queue.put(made)
        os.eventfd_write(self.bell, 1)

    def batches_fd(self) -> int:
        return self.bell

    def stored(self, seq: int) -> None:
        self.stored_seq = seq

    def next_batch(self, timeout_ms: int) -> Made | None:
        try:
            return self.queue.get_nowait()
        except queue.Empty:
            return None


class Board:
    def __init__(self) -> None:
        self.seen: list[int] = []

    def offer(self, batch: Made) -> None:
        self.seen.append(batch.last_seq)


class Database:
    """PostgreSQL as the lane sees it: writes, or fails while it is away."""

    def __init__(self) -> None:
        self.away, self.written = False, list[int]()

    async def write_many(self, batches: Sequence[Rows]) -> Written:
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionRefusedError
        self.written += [batch.last_seq for batch in batches]
        rows = sum(count for batch in batches for _, count, _ in batch.tables)
        return Written(batches[-1].last_seq, rows={"scores": rows})


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (code under test sets no event)
            await asyncio.sleep(0.005)


def _batch(seq: int) -> Made:
    return Made(seq, seq, 1, [("scores", 2, b"x" * 2_000)])


@pytest.mark.parametrize("memory_bytes_max", [1 << 20, 4_000])
async def test_publishing_goes_on_while_postgresql_is_away_and_storing_catches_up_in_order(
    tmp_path: Path, memory_bytes_max: int
) -> None:
    source, board, database = Source(), Board(), Database()
    lane = Lane(tmp_path / "spool", memory_bytes_max, 1 << 20)
    pipeline = Pipeline(source, board, database, lane, cursor=0)  # type: ignore[arg-type]
    pipeline.start()
    database.away = True
    for seq in range(1, 21):
        source.put(_batch(seq))
    await _until(lambda: board.seen == list(range(1, 21)))
    assert database.written == []
    assert pipeline.progress.store_error == "ConnectionRefusedError"
    database.away = False
    await _until(lambda: database.written == list(range(1, 21)))
    assert pipeline.progress.store_error is None
    assert source.stored_seq == 20
    assert pipeline.progress.rows_stored == {"scores": 40}
    assert pipeline.progress.frames_taken == pipeline.progress.frames_stored == 20
    assert await pipeline.drain(5)


def _pipeline(path: Path, source: Source, board: Board, database: Database) -> Pipeline:
    lane = Lane(path / "spool", 1 << 20, 1 << 20)
    return Pipeline(source, board, database, lane, cursor=0)  # type: ignore[arg-type]


async def test_a_batch_that_only_shows_who_is_present_is_published_and_not_stored(tmp_path: Path) -> None:
    source, board, database = Source(), Board(), Database()
    pipeline = _pipeline(tmp_path, source, board, database)
    source.put(Made(0, 0, 0, []))
    source.put(_batch(1))
    pipeline.start()
    assert await pipeline.drain(5)
    assert (board.seen, database.written) == ([0, 1], [1])


async def test_draining_takes_and_stores_what_is_left(tmp_path: Path) -> None:
    source, board, database = Source(), Board(), Database()
    pipeline = _pipeline(tmp_path, source, board, database)
    for seq in (1, 2, 3):
        source.put(_batch(seq))
    pipeline.start()
    assert await pipeline.drain(5)
    assert database.written == board.seen == [1, 2, 3]


async def test_draining_gives_up_in_time_when_postgresql_stays_away(tmp_path: Path) -> None:
    source, board, database = Source(), Board(), Database()
    database.away = True
    pipeline = _pipeline(tmp_path, source, board, database)
    source.put(_batch(1))
    pipeline.start()
    assert not await pipeline.drain(0.8)
    assert board.seen == [1]


class Stopped(Source):
    """An engine whose pipeline thread has ended: it answers at once, with nothing or with the reason."""

    def __init__(self, reason: str | None) -> None:
        super().__init__()
        self.reason, self.asked = reason, 0

    def next_batch(self, timeout_ms: int) -> Made | None:
        self.asked += 1
        if self.reason is not None:
            raise RuntimeError(self.reason)
        return None


async def test_a_pipeline_that_failed_is_shown_by_its_type_and_asked_no_more(tmp_path: Path) -> None:
    source = Stopped("the pipeline has stopped: Nightingale")
    pipeline = _pipeline(tmp_path, source, Board(), Database())
    pipeline.start()
    await _until(lambda: pipeline.progress.take_error)
    assert (pipeline.progress.take_error, source.asked) == ("RuntimeError", 1)
    assert not await pipeline.drain(5)
    assert source.asked == 1


async def test_an_engine_that_answers_at_once_with_nothing_is_not_asked_in_a_spin(tmp_path: Path) -> None:
    source = Stopped(None)
    pipeline = _pipeline(tmp_path, source, Board(), Database())
    pipeline.start()
    await asyncio.sleep(0.35)
    assert source.asked <= 5
    assert await pipeline.drain(5)


async def test_a_pipeline_that_was_never_started_drains(tmp_path: Path) -> None:
    assert await _pipeline(tmp_path, Source(), Board(), Database()).drain(5)
