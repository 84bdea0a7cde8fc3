"""The COPY streams that Rust makes are what PostgreSQL reads."""

from datetime import timedelta
from math import isnan
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from copy_rows import ANN, BOB, KNOWN, T0, WARD_DECISIONS, batch, dead_letter, observation, score, stream

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


async def test_p2_rows_of_many_batches_lie_in_the_order_of_their_index_and_are_the_same_rows(
    store: Store, sql: asyncpg.Connection
) -> None:
    """By patient, signal and time, newest first: what the index takes fastest, and readers find side by side."""
    people, times = (BOB, ANN), {"observations": "observed_at", "scores": "scored_at"}
    many = [
        batch(
            seq,
            seq,
            observations=[
                observation(
                    seq, ordinal=n, signal=n % 3, at=T0 + timedelta(seconds=seq % 7), patient_id=people[(seq + n) % 2]
                )
                for n in range(40)
            ],
            scores=[score(seq, patient_id=people[seq % 2], scored_at=T0 + timedelta(seconds=seq % 5))],
        )
        for seq in range(1, 60)
    ]
    written = await store.write_many(many)
    assert (written.cursor, written.rows) == (59, {"observations": 59 * 40, "scores": 59})
    for table, time in times.items():
        signal = "signal_id" if table == "observations" else "model"
        place = f"patient_id, {signal}, {time} DESC, seq, ordinal"
        lie = await sql.fetch(f"SELECT seq, ordinal FROM {table} ORDER BY ctid")
        assert lie == await sql.fetch(f"SELECT seq, ordinal FROM {table} ORDER BY {place}"), table
        assert len(set(lie)) == written.rows[table]


async def test_rows_that_are_no_stream_of_their_table_are_refused_by_postgresql_in_its_words(store: Store) -> None:
    wrong = batch(1, 5)
    wrong.tables.append(("observations", 1, stream("dead_letters", [dead_letter(5)])))
    with pytest.raises(StoreError):
        await store.write(wrong)
    assert await store.cursor() == 0
