"""The schema: numbered plain SQL files, applied in order, each in a transaction of its own.

Each applied file is recorded with its SHA-256. A file that changed after it was applied, or one that the database has
and this nightlamp has not, is refused before anything runs. An advisory lock lets one server migrate at a time.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

import nightlamp
from nightlamp.store.errors import MigrationError

FOLDER = Path(nightlamp.__file__).parent / "migrations"
#: A number of our own for pg_advisory_lock: "nightlam" in ASCII.
_LOCK = int.from_bytes(b"nightlam", "big")
_NAME = re.compile(r"^(?P<version>\d{4})_[a-z0-9_]+\.sql$")
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    nightlamp text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    version: int
    name: str
    sha256: str
    sql: str


@dataclass(frozen=True, slots=True)
class Status:
    """One file and its state: `pending`, `applied`, `changed` (since applied) or `unknown` (to us)."""

    version: int
    name: str
    state: str
    applied_at: str


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """All files in order. Raises MigrationError for a gap, a double number or a foreign file."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        named = _NAME.match(path.name)
        if named is None:
            raise MigrationError(f"{path.name} is not named 0001_words.sql")
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        found.append(Migration(int(named["version"]), path.stem, digest, content.decode()))
    if not found:
        raise MigrationError(f"there are no migrations in {folder}")
    if [one.version for one in found] != list(range(1, len(found) + 1)):
        raise MigrationError("the migrations are not numbered 0001, 0002, ... without gap")
    return found


async def status(connection: Any, folder: Path = FOLDER) -> list[Status]:
    """Each migration and its state, by version. Changes nothing."""
    if await connection.fetchval("SELECT to_regclass('schema_migrations') IS NULL"):
        applied: dict[int, Any] = {}
    else:
        rows = await connection.fetch(
            "SELECT version, name, sha256, applied_at FROM schema_migrations ORDER BY version"
        )
        applied = {row["version"]: row for row in rows}
    states = []
    for one in migrations(folder):
        row = applied.pop(one.version, None)
        if row is None:
            states.append(Status(one.version, one.name, "pending", ""))
        else:
            state = "applied" if (row["name"], row["sha256"]) == (one.name, one.sha256) else "changed"
            states.append(Status(one.version, one.name, state, row["applied_at"].isoformat()))
    unknown = [
        Status(row["version"], row["name"], "unknown", row["applied_at"].isoformat()) for row in applied.values()
    ]
    return states + unknown


async def migrate(connection: Any, folder: Path = FOLDER, through: int | None = None) -> list[str]:
    """Apply what is pending, or of it only up to the version `through`; the names of what was applied.

    Raises MigrationError; that file then changed nothing.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute(_TABLE)
        states = await status(connection, folder)
        if wrong := [one for one in states if one.state in {"changed", "unknown"}]:
            one = wrong[0]
            why = "was changed after it was applied" if one.state == "changed" else "comes from a newer nightlamp"
            raise MigrationError(f"migration {one.name} {why}; nothing was done")
        pending = {one.version for one in states if one.state == "pending" and one.version <= (through or one.version)}
        return [await _apply(connection, one) for one in migrations(folder) if one.version in pending]
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _apply(connection: Any, one: Migration) -> str:
    try:
        async with connection.transaction():
            await connection.execute(one.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, sha256, nightlamp) VALUES ($1, $2, $3, $4)",
                *(one.version, one.name, one.sha256, nightlamp.__version__),
            )
    except asyncpg.PostgresError as error:
        raise MigrationError(f"migration {one.name} failed: {error}") from error
    return one.name
