"""The COPY streams that Rust makes are what PostgreSQL reads."""

from math import isnan
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from copy_rows import ANN, KNOWN, WARD_DECISIONS, batch, dead_letter, stream

from nightlamp.store import Store, StoreError

GOLDEN = Path(__file__).with_name("golden")


@pytest.mark.parametrize("table", KNOWN)
def test_the_golden_streams_are_what_a_second_encoder_makes(table: str) -> None:
    """cargo test compares the Rust encoder with the same files."""
    assert GOLDEN.joinpath(f"{table}.copy").read_bytes() == stream(table, KNOWN[table])


def test_the_wards_decisions_are_what_a_second_encoder_makes() -> None:
    """cargo test sends the messages through the window stage and compares with the same file."""
    assert GOLDEN.joinpath("ward_decisions.copy").read_bytes() == stream("encounter_events", WARD_DECISIONS)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return ["nan" if isinstance(v, float) and isnan(v) else v for v in value]
    return value


@pytest.mark.parametrize("table", [name for name in KNOWN if name != "patients_seen"])
async def test_postgresql_reads_back_every_field(store: Store, sql: asyncpg.Connection, table: str) -> None:
    golden = GOLDEN.joinpath(f"{table}.copy").read_bytes()
    rows = KNOWN[table]
    await store.write(_batch(table, golden, len(rows)))
    stored = await sql.fetch(
        f"SELECT * FROM {table} ORDER BY seq, ordinal" if "ordinal" in rows[0] else f"TABLE {table}"
    )
    for got, wanted in zip(stored, rows, strict=True):
        for column, value in wanted.items():
            found = orjson.loads(got[column]) if column in {"contributions", "explanation"} else got[column]
            assert _plain(found) == _plain(value), column


def _batch(table: str, golden: bytes, rows: int) -> Any:
    whole = batch(1, 6)
    whole.tables.append((table, rows, golden))
    return whole


async def test_whom_a_batch_speaks_of_becomes_a_patient(store: Store, sql: asyncpg.Connection) -> None:
    seen = KNOWN["patients_seen"][0]
    await store.write(_batch("patients_seen", GOLDEN.joinpath("patients_seen.copy").read_bytes(), 1))
    row = await sql.fetchrow("SELECT * FROM patients")
    assert (row["patient_id"], row["first_seen_at"], row["last_seen_at"]) == (
        ANN,
        seen["first_seen_at"],
        seen["last_seen_at"],
    )


async def test_a_wrong_row_count_stores_nothing(store: Store, sql: asyncpg.Connection) -> None:
    wrong = batch(1, 5)
    wrong.tables.append(("dead_letters", 2, stream("dead_letters", [dead_letter(5)])))
    with pytest.raises(StoreError, match="2 rows"):
        await store.write(wrong)
    assert await sql.fetchval("SELECT count(*) FROM dead_letters") == 0
    assert await store.cursor() == 0


async def test_a_table_nobody_knows_stores_nothing(store: Store) -> None:
    wrong = batch(1, 5)
    wrong.tables.append(("pg_authid", 1, b""))
    with pytest.raises(StoreError, match="pg_authid"):
        await store.write(wrong)
    assert await store.cursor() == 0
