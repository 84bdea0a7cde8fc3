"""Every table of ours out of one database snapshot, and into an empty database: as PostgreSQL's binary COPY.

Independent of the server's version and of its tools, and of how tables by time are kept: rows out of TimescaleDB's
hypertables go into native partitions and back. Rows are not sorted; a digest that does not depend on their order says
whether two tables are equal.
"""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightlamp._core import CopyDigest
from nightlamp.backup.copying import PIECE_BYTES
from nightlamp.backup.manifest import BackupError, Migration, Store, Table
from nightlamp.store import migrate as schema
from nightlamp.store.statements import sql

#: Made by the migrations, carried by the manifest, or kept by the database itself from rows that are copied.
_NOT_COPIED = {"schema_migrations", "series", "store_cursor", "alerts_open"}
_CREATED = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shape:
    """A table: its columns in order, which tables must be filled before it, and about how many rows it has."""

    name: str
    columns: tuple[str, ...]
    needs: tuple[str, ...]
    rows_about: int


def quoted(name: str) -> str:
    """A name as SQL."""
    return '"' + name.replace('"', '""') + '"'


async def shapes(connection: Any) -> tuple[list[Shape], list[str]]:
    """Our tables in the order they can be filled in, and names of tables in the schema that are not ours."""
    ours = {name for one in schema.migrations() for name in _CREATED.findall(one.sql)} - _NOT_COPIED
    rows = [row for row in await connection.fetch(sql("own_tables")) if row["name"] not in _NOT_COPIED]
    left = {row["name"]: row for row in rows if row["name"] in ours}
    ordered: list[Shape] = []
    while left:
        free = [row for row in left.values() if not set(row["needs"]) & left.keys()]
        if not free:
            raise BackupError(f"tables refer to each other in a circle: {', '.join(left)}")
        for row in free:
            shape = Shape(row["name"], tuple(row["columns"]), tuple(row["needs"]), int(row["rows_about"]))
            ordered.append(shape)
            del left[row["name"]]
    return ordered, [row["name"] for row in rows if row["name"] not in ours]


def _select(shape: Shape, where: str = "") -> str:
    columns = ", ".join(quoted(column) for column in shape.columns)
    return f"SELECT {columns} FROM {quoted(shape.name)} {where}"  # noqa: S608 (names of the catalogue, quoted)


class _Sink:
    """Takes a COPY stream: digest always, file and SHA-256 where a path is given. Works beside the receiving."""

    def __init__(self, path: Path | None, rows_done: Callable[[int], None] = lambda _: None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._out = os.fdopen(os.open(path, flags, 0o600), "wb") if path else None
        self._pieces, self._held, self._rows_done = [b""], 0, rows_done
        self._work: asyncio.Future[None] | None = None
        self.digest, self.sha256, self.bytes = CopyDigest(), hashlib.sha256(), 0

    async def __call__(self, data: bytes) -> None:
        self._pieces.append(data)
        self._held += len(data)
        if self._held >= PIECE_BYTES:
            await self._flush()

    async def _flush(self) -> None:
        if self._work is not None:
            await self._work
            self._rows_done(self.digest.rows)
        piece = b"".join(self._pieces)
        self._pieces, self._held = [], 0
        self._work = asyncio.ensure_future(asyncio.to_thread(self._take, piece))

    def _take(self, piece: bytes) -> None:
        self.digest.update(piece)
        self.bytes += len(piece)
        if self._out is not None:
            self.sha256.update(piece)
            self._out.write(piece)

    async def end(self) -> None:
        await self._flush()
        if self._work is not None:
            await self._work
        if self._out is not None:
            self._out.flush()
            await asyncio.to_thread(os.fsync, self._out.fileno())

    def close(self) -> None:
        if self._out is not None:
            self._out.close()


async def export(connection: Any, shape: Shape, path: Path, rows_done: Callable[[int], None]) -> tuple[Table, str]:
    """Writes a table's stream to a new file; what it holds, and the file's SHA-256."""
    sink = _Sink(path, rows_done)
    try:
        await connection.copy_from_query(_select(shape), output=sink, format="binary")
        await sink.end()
        rows, digest = sink.digest.finish()
    finally:
        sink.close()
    return Table(shape.name, list(shape.columns), rows, digest, sink.bytes), sink.sha256.hexdigest()


async def digest_of(connection: Any, shape: Shape, columns: list[str], through_seq: int | None) -> tuple[int, str]:
    """Rows and digest of a table, or of its rows of the frames up to one."""
    if set(columns) - set(shape.columns):
        return 0, "columns are missing"
    where = "" if through_seq is None else f"WHERE seq <= {through_seq:d}"
    sink = _Sink(None)
    narrowed = Shape(shape.name, tuple(columns), (), 0)
    await connection.copy_from_query(_select(narrowed, where), output=sink, format="binary")
    await sink.end()
    return sink.digest.finish()


def digest_of_file(path: Path, done: Callable[[int], None]) -> tuple[int, str]:
    """Rows and digest of a stream in a file. Raises ValueError where it is none."""
    digest = CopyDigest()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            done(len(piece))
    return digest.finish()


async def load(connection: Any, table: Table, path: Path, done: Callable[[int], None]) -> None:
    """Fills a table from its file. Raises BackupError where PostgreSQL counts other rows than the manifest."""

    async def pieces() -> AsyncIterator[bytes]:
        with path.open("rb", buffering=0) as file:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                done(len(piece))
                yield piece

    answer = await connection.copy_to_table(table.name, source=pieces(), columns=table.columns, format="binary")
    if answer != f"COPY {table.rows}":
        raise BackupError(f"{path.name}: the manifest says {table.rows} rows, PostgreSQL says {answer}")


async def described(connection: Any, cursor: int, moved_at: str, tables: list[Table]) -> Store:
    """What a manifest says of the database."""
    timescale = await connection.fetchval("SELECT is_timescale()")
    applied = await connection.fetch("SELECT version, name, sha256 FROM schema_migrations ORDER BY version")
    series = await connection.fetch(sql("series_chunks" if timescale else "series_partitions"))
    sequences = {}
    for row in await connection.fetch(sql("own_sequences")):
        last = await connection.fetchval(
            f"SELECT CASE WHEN is_called THEN last_value END FROM {quoted(row['name'])}"  # noqa: S608
        )
        if last is not None:
            sequences[row["name"]] = int(last)
    return Store(
        cursor,
        moved_at,
        "timescaledb" if timescale else "postgresql",
        [Migration(row["version"], row["name"], row["sha256"]) for row in applied],
        {row["name"]: list(row["starts"] or ()) for row in series},
        sequences,
        tables,
    )
