"""A batch with poison in it: every row that this database will have is stored, each other one becomes a dead letter.

All in the transaction of the batch and its cursor (P2), so that one row cannot stop the route and none vanishes (P4).
Rows are tried in savepoints: a table that is refused is halved until single rows are left, two attempts a poison row
and halving. What ADT events derive depends on the events before: there the shortest run of events that is refused is
looked for, its last event left out, and so on, 32 times; then frame by frame. Nothing of a row or its
values reaches a dead letter or the log (P6): table, position, SQLSTATE and constraint do.

Limits: one batch (at most `limits.batch_frames_max` frames) at a time, its rows in memory twice.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import asyncpg
import structlog

from nightlamp.store.copy import COLUMNS, HEADER_BYTES, TRAILER_BYTES, Batch, by_table
from nightlamp.store.errors import RowsRefused, translate
from nightlamp.store.rows import DERIVED_FROM, copy_stream, derive
from nightlamp.store.statements import sql

_log = structlog.get_logger("nightlamp.store")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Dead letters of rows stand behind those of the frame's own parts, whose ordinals are smaller.
ORDINAL_FIRST = 1 << 20
#: Log lines of one batch; the dead letters tell of all.
LINES_MAX = 10
#: So many refused ADT events of a batch are searched for; then it goes on frame by frame.
SEARCHED_MAX = 32
#: A frame by its number: source, principal, context, received_at_us, payload; None once it is gone.
Frame = tuple[int, str, str, int, bytes]
FrameOf = Callable[[int], Frame | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One tuple of a COPY stream, and the frame and position it belongs to."""

    table: str
    seq: int
    ordinal: int
    tuple: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that the database would not have, and what it said of it, without its values."""

    row: Row
    why: str


class _Undone(Exception):
    """Rolls an attempt back that succeeded."""


class Apart:
    """One batch, row by row where it must be; inside an open transaction."""

    def __init__(self, connection: Any, batch: Batch, frame_of: FrameOf) -> None:
        self._connection, self._batch, self._frame_of = connection, batch, frame_of
        self._frames = batch.first_seq, batch.last_seq
        self.refused: list[Refused] = []

    async def write(self) -> dict[str, int]:
        """Write what can be written and a dead letter for each other row; rows by table. Raises as `write_many`."""
        kept: dict[str, int] = {}
        with_bytes: set[int] = set()
        for table, (_, streams) in by_table([self._batch]).items():
            rows = await asyncio.to_thread(split, table, streams, self._batch.first_seq)
            written = await (self._in_order(rows) if table in DERIVED_FROM else self._halved(rows))
            kept[table] = len(written)
            if table == "dead_letters":
                with_bytes = {row.seq for row in written}
        await self._letters(with_bytes)
        kept["dead_letters"] = kept.get("dead_letters", 0) + len(self.refused)
        return kept

    async def _halved(self, rows: list[Row]) -> list[Row]:
        """Those that could be written, of rows that do not depend on each other."""
        if not rows or (why := await self._try(rows)) is None:
            return rows
        if len(rows) == 1:
            self.refused.append(Refused(rows[0], why))
            return []
        middle = len(rows) // 2
        return await self._halved(rows[:middle]) + await self._halved(rows[middle:])

    async def _in_order(self, rows: list[Row]) -> list[Row]:
        """Those that could be written, of rows from which others are derived in their order."""
        searched = 0
        while rows and (why := await self._try(rows)) is not None:
            if searched == SEARCHED_MAX:
                return await self._by_frame(rows)
            searched += 1
            rows = await self._without_first_bad(rows, why, self._frames)
        return rows

    async def _by_frame(self, rows: list[Row]) -> list[Row]:
        """The same, frame by frame, as many attempts as frames: what is derived does not depend on the cut."""
        if rows[0].table == "patients_seen":  # of no frame and in no order
            return await self._halved(rows)
        kept = list[Row]()
        for seq, group in groupby(rows, key=lambda row: row.seq):
            some = list(group)
            while some and (why := await self._try(some, frames=(seq, seq))) is not None:
                some = await self._without_first_bad(some, why, (seq, seq))
            kept += some
        return kept

    async def _without_first_bad(self, rows: list[Row], why: str, frames: tuple[int, int]) -> list[Row]:
        """Without the last of the shortest run that is refused; `why` is what was said of them all."""
        good, bad = 0, len(rows)
        while bad - good > 1:
            middle = (good + bad) // 2
            if (found := await self._try(rows[:middle], undo=True, frames=frames)) is None:
                good = middle
            else:
                bad, why = middle, found
        self.refused.append(Refused(rows[bad - 1], why))
        return rows[: bad - 1] + rows[bad:]

    async def _try(
        self, rows: Sequence[Row], *, undo: bool = False, frames: tuple[int, int] | None = None
    ) -> str | None:
        """Write these in a savepoint, with what follows from them; what the database said against one of them."""
        table = rows[0].table
        try:
            async with self._connection.transaction():
                await copy_stream(self._connection, table, len(rows), _stream(rows))
                if table in DERIVED_FROM:
                    await derive(self._connection, {table}, *(frames or self._frames))
                if undo:
                    raise _Undone
        except _Undone:
            return None
        except asyncpg.PostgresError as error:
            if not isinstance(translate(error), RowsRefused):
                raise
            return _why(error)
        return None

    async def _letters(self, with_bytes: set[int]) -> None:
        """One dead letter a refused row; the frame's bytes go into its first."""
        places: Counter[int] = Counter()
        for refused in self.refused:
            row = refused.row
            frame = await asyncio.to_thread(self._frame_of, row.seq)
            source, principal, context, received_at_us, payload = frame or (0, "", "", 0, None)
            received_at = _EPOCH + timedelta(microseconds=received_at_us)
            place = ORDINAL_FIRST + places[row.seq]
            places[row.seq] += 1
            raw = None if row.seq in with_bytes else payload
            with_bytes.add(row.seq)
            where = f"{row.table}[{row.ordinal}]"
            await self._connection.execute(
                sql("letter_of_row"), row.seq, place, received_at, source, _text(principal), _text(context),
                *(refused.why, where, raw),
            )  # fmt: skip
        for refused in self.refused[:LINES_MAX]:
            row = refused.row
            _log.error("a row cannot be stored and became a dead letter", seq=row.seq, table=row.table, why=refused.why)


def _why(error: asyncpg.PostgresError) -> str:
    named = [f"{what} {name}" for what in ("constraint", "column") if (name := getattr(error, f"{what}_name", None))]
    return ", ".join([f"PostgreSQL refused the row: {type(error).__name__} (SQLSTATE {error.sqlstate})", *named])


def _text(value: str) -> str:
    """Text as the Rust encoder writes it: PostgreSQL has no NUL in it."""
    return value.replace("\0", "\ufffd")


def split(table: str, streams: Sequence[bytes], first_seq: int) -> list[Row]:
    """The tuples of COPY streams; a table without frame numbers counts for the frame `first_seq`."""
    columns = COLUMNS[table]
    seq_at = columns.index("replayed_seq") if "replayed_seq" in columns else -1
    seq_at = columns.index("seq") if seq_at < 0 and "seq" in columns else seq_at
    ordinal_at = columns.index("ordinal") if "ordinal" in columns else -1
    rows = list[Row]()
    for stream in streams:
        at, end = HEADER_BYTES, len(stream) - TRAILER_BYTES
        while at < end:
            start, seq, ordinal = at, first_seq, len(rows)
            (fields,) = struct.unpack_from("!H", stream, at)
            at += 2
            for field in range(fields):
                (length,) = struct.unpack_from("!i", stream, at)
                at += 4
                if field == seq_at and length == 8:
                    (seq,) = struct.unpack_from("!q", stream, at)
                elif field == ordinal_at and length == 4:
                    (ordinal,) = struct.unpack_from("!i", stream, at)
                at += max(length, 0)
            rows.append(Row(table, seq, ordinal, stream[start:at]))
    return rows


_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_CHUNK_ROWS = 1_000


async def _stream(rows: Sequence[Row]) -> AsyncIterator[bytes]:
    yield _HEADER
    for at in range(0, len(rows), _CHUNK_ROWS):
        yield b"".join(row.tuple for row in rows[at : at + _CHUNK_ROWS])
    yield b"\xff\xff"
