"""Tables as files of PostgreSQL's binary COPY, in a fixed order: what two runs can be compared by, bit for bit."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HEADER_BYTES = 19
_WIDTH = struct.Struct(">h")
_LENGTH = struct.Struct(">i")


@dataclass(frozen=True, slots=True)
class Dump:
    """One table: its columns in the order written, and the query. `$mark` is the last frame that counts."""

    name: str
    columns: tuple[str, ...]
    query: str


def _by_seq(name: str, *columns: str, order: str = "seq, ordinal") -> Dump:
    return Dump(name, columns, f"SELECT {', '.join(columns)} FROM {name} WHERE seq <= $mark ORDER BY {order}")


def _all(name: str, *columns: str, order: str) -> Dump:
    return Dump(name, columns, f"SELECT {', '.join(columns)} FROM {name} ORDER BY {order}")


#: What the judge reads by column. All other columns of these and all other tables are added from the catalogue.
FIRST = {
    "observations": ("seq", "ordinal", "patient_id", "signal_id", "observed_at", "value", "status", "source"),
    "dead_letters": ("seq", "ordinal", "reason", "raw", "source"),
    "encounter_events": ("seq", "ordinal", "kind", "patient_id", "identifier"),
    "alert_events": ("seq", "ordinal", "alert_id", "kind", "value", "patient_id"),
    "identities": ("patient_id", "identifier"),
}
#: Says when something was written, moves in steps on purpose (`derive_patients`), or follows from another table at any
#: frame (`alerts_open`): not of the journal up to the mark alone.
LEFT_OUT = {
    "store_cursor": None,
    "schema_migrations": None,
    "series": None,
    "signals": None,
    "models": None,
    "alerts_open": None,
    "patients": {"last_seen_at"},
}
_COLUMNS = """
SELECT c.relname AS name, array_agg(a.attname ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
GROUP BY c.relname ORDER BY c.relname
"""


async def dumps(connection: Any) -> list[Dump]:
    """Every table of the schema, whatever migrations have added, but those that are not of the journal."""
    found = []
    for row in await connection.fetch(_COLUMNS):
        name, columns = row["name"], list(row["columns"])
        left_out = LEFT_OUT.get(name, set())
        if left_out is None or "migration" in name:
            continue
        first = FIRST.get(name, ())
        ordered = [*first, *(column for column in columns if column not in first and column not in left_out)]
        if "seq" in ordered:
            order = ", ".join(["seq", *(["ordinal"] if "ordinal" in ordered else ordered[1:3])])
            found.append(_by_seq(name, *ordered, order=order))
        else:
            found.append(_all(name, *ordered, order=", ".join(ordered)))
    return found


async def dump(connection: Any, folder: Path, mark: int) -> list[str]:
    """Write every table to `folder/<table>.copy`; their names. The folder is there."""
    wanted = await dumps(connection)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for one in wanted:
            with (folder / f"{one.name}.copy").open("wb") as out:

                async def take(data: bytes, out: Any = out) -> None:
                    out.write(data)

                query = one.query.replace("$mark", str(mark))
                await connection.copy_from_query(query, output=take, format="binary", timeout=600)
            (folder / f"{one.name}.columns").write_text(" ".join(one.columns))
    return [one.name for one in wanted]


Cells = tuple[bytes | None, ...]


def rows(path: Path) -> Iterator[Cells]:
    """The rows of a file: cells as PostgreSQL sends them, None for NULL."""
    raw = memoryview(path.read_bytes())
    at = _HEADER_BYTES
    while True:
        (width,) = _WIDTH.unpack_from(raw, at)
        at += 2
        if width < 0:
            return
        cells: list[bytes | None] = []
        for _ in range(width):
            (length,) = _LENGTH.unpack_from(raw, at)
            at += 4
            if length < 0:
                cells.append(None)
            else:
                cells.append(bytes(raw[at : at + length]))
                at += length
        yield tuple(cells)


def write(path: Path, table: list[Cells]) -> None:
    """Write rows as a file that `rows` reads: for tests that falsify evidence."""
    parts = [b"PGCOPY\n\xff\r\n\0", bytes(8)]
    for cells in table:
        parts.append(_WIDTH.pack(len(cells)))
        for cell in cells:
            parts += [_LENGTH.pack(-1)] if cell is None else [_LENGTH.pack(len(cell)), cell]
    parts.append(_WIDTH.pack(-1))
    path.write_bytes(b"".join(parts))


def whole(cell: bytes | None) -> int:
    """An integer of any width, or a timestamp in microseconds since 2000-01-01."""
    return int.from_bytes(cell or b"", "big", signed=True)


def number(cell: bytes | None) -> float:
    """A double precision."""
    return float(struct.unpack(">d", cell or b"")[0])
