"""The reading half of the store: pages of patients, observations, scores, alerts and dead letters.

Reads have a pool of their own (4 connections, read-only, 5 s a statement), so that no query can hold up writing.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from nightlamp.store.errors import StoreBehind, StoreUnavailable, translate
from nightlamp.store.paging import BadCursor, Page, from_us, page, parse, to_us
from nightlamp.store.statements import sql

CONNECTIONS_MAX, STATEMENT_MS_MAX, WAIT_S = 4, 5_000, 5.0
#: Rows of a history that are read for their least and largest; beyond, each bucket's last value alone is looked up.
HISTORY_ROWS_MAX = 200_000
SEVERITIES = {0: "technical", 1: "low", 2: "medium", 3: "high"}
_STEPS = "opened cleared acknowledged snoozed unsnoozed escalated reminded expired raised lowered moved"
ALERT_KINDS = dict(enumerate(_STEPS.split(), 1))
STATUSES = {1: "final", 2: "preliminary", 3: "corrected", 4: "withdrawn"}
_DOORS = {1: "hl7_http", 2: "json_http", 3: "json_mqtt", 4: "hl7_mqtt", 5: "mqtt_too_large"}
SOURCES = _DOORS | {16: "tick", 17: "replay", 18: "action", 19: "policy"}
_ORDINAL_BITS = 16


class AlertMessage(NamedTuple):
    """A stored alert event as the message consoles got when it happened."""

    cursor: int
    unit: str
    patient_id: str
    body: bytes


class Reader:
    """All queries; times are timezone-aware, `from` inclusive and `to` exclusive. Each raises StoreError."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str) -> "Reader":
        """A reader whose connections open when they are needed."""
        settings = {
            "application_name": "nightlamp query",
            "timezone": "UTC",
            "default_transaction_read_only": "on",
            "statement_timeout": str(STATEMENT_MS_MAX),
            "jit": "off",
        }
        return cls(
            await asyncpg.create_pool(
                url, min_size=0, max_size=CONNECTIONS_MAX, timeout=WAIT_S, server_settings=settings, init=_decode_json
            )
        )

    async def patients(
        self,
        *,
        unit: str | None = None,
        units: Sequence[str] | None = None,
        gone: bool = False,
        limit: int = 500,
        cursor: str | None = None,
    ) -> Page:
        """Who lies in a bed (of `unit`; of the `units` the caller may see), with `gone` also who left; by pseudonym."""
        after = _uuid(cursor)
        rows = await self.fetch("patients", unit, after, limit + 1, gone, units)
        return page(rows, limit, lambda row: (row["patient_id"],))

    async def patient(self, record_id: UUID) -> tuple[UUID, str] | None:
        """Whose record it is, and the unit of that patient's present or last bed, empty where there was none.

        A record that was merged into another is the survivor's. None for an unknown patient.
        """
        rows = await self.fetch("patient", record_id)
        return (UUID(str(rows[0]["patient_id"])), str(rows[0]["unit"])) if rows else None

    async def one_patient(self, patient_id: UUID) -> dict[str, Any] | None:
        """A survivor's row, with the beginning of the stay; None for an unknown patient."""
        rows = await self.fetch("one_patient", patient_id)
        return dict(rows[0]) if rows else None

    async def history(
        self, patient_id: UUID, since: datetime, until: datetime, signals: Sequence[str] | None, points: int
    ) -> tuple[list[Any], bool]:
        """Rows (signal, unit, bucket, low, high, last, last_at) in `points` equal buckets, by signal and bucket.

        False with rows that know only the last value of each bucket, because more than `HISTORY_ROWS_MAX` lie there.
        """
        width_s = (until - since).total_seconds() / points
        async with self._connection() as connection:
            asked = (patient_id, since, until, signals)
            lying = await connection.fetchval(sql("history_rows"), *asked, HISTORY_ROWS_MAX + 1)
            if lying <= HISTORY_ROWS_MAX:
                return list(await connection.fetch(sql("history"), *asked, width_s)), True
            return list(await connection.fetch(sql("history_sampled"), *asked, width_s, points)), False

    async def score_history(self, patient_id: UUID, since: datetime, until: datetime, points: int) -> list[Any]:
        """Rows (model, bucket, low, high, last, last_at) in `points` equal buckets, by model and bucket."""
        return await self.fetch("score_history", patient_id, since, until, (until - since).total_seconds() / points)

    async def observations(
        self,
        patient_id: UUID,
        since: datetime,
        until: datetime,
        *,
        signals: Sequence[str] | None = None,
        limit: int = 1_000,
        cursor: str | None = None,
    ) -> Page:
        """Values held true now, newest first, then by signal."""
        at_us, signal = parse(cursor, 2) or (None, None)
        before = None if at_us is None else from_us(at_us)
        rows = await self.fetch("observations", patient_id, since, until, signals, before, _small(signal), limit + 1)
        return page(rows, limit, lambda row: (to_us(row["observed_at"]), row["signal_id"]))

    async def scores(
        self,
        patient_id: UUID,
        since: datetime,
        until: datetime,
        *,
        model: str | None = None,
        limit: int = 1_000,
        cursor: str | None = None,
    ) -> Page:
        """Scores with their inputs, newest first."""
        at_us, seq, ordinal = parse(cursor, 3) or (None, None, None)
        before = None if at_us is None else from_us(at_us)
        rows = await self.fetch("scores", patient_id, since, until, model, before, seq, _small(ordinal, 31), limit + 1)
        return page(rows, limit, lambda row: (to_us(row["scored_at"]), row["seq"], row["ordinal"]))

    async def scores_of_frames(
        self, patient_id: UUID, scored_at: Sequence[datetime], seqs: Sequence[int]
    ) -> list[dict[str, Any]]:
        """Rows of the scores that these frames caused at these times, with the columns of `scores` and the names."""
        return [dict(row) for row in await self.fetch("scores_of_frames", patient_id, scored_at, seqs)]

    async def models_used(self, patient_id: UUID, since: datetime, through: datetime) -> list[dict[str, Any]]:
        """model, version and model_sha256 of the newest score of each model (not of rules) in a closed range."""
        return [dict(row) for row in await self.fetch("models_used", patient_id, since, through)]

    async def stored_seq(self) -> int:
        """The store cursor: rows of all frames up to it are stored."""
        rows = await self.fetch("read_cursor")
        return int(rows[0]["seq"])

    async def score(self, patient_id: UUID, cursor: str) -> dict[str, Any] | None:
        """The score at a cursor (`score_cursor`), with the columns of `scores`; None where there is none."""
        at_us, seq, ordinal = parse(cursor, 3) or (0, 0, 0)
        rows = await self.fetch("score", patient_id, from_us(at_us), seq, _small(ordinal, 31))
        return dict(rows[0]) if rows else None

    async def alerts(
        self,
        *,
        patient_id: UUID | None = None,
        unit: str | None = None,
        units: Sequence[str] | None = None,
        open: bool | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 500,
        cursor: str | None = None,
    ) -> Page:
        """Alerts as they stand, newest first; times are those of opening."""
        (before,) = parse(cursor, 1) or (None,)
        rows = await self.fetch("alerts", before, patient_id, unit, open, since, until, units, limit + 1)
        return page(rows, limit, lambda row: (row["alert_id"],))

    async def alert_messages(self, after: int, through: int | None, limit: int) -> list[AlertMessage]:
        """At most `limit` alert messages with `after < cursor <= through` (`seq << 16 | ordinal`), by cursor.

        `through` None means all that is stored. Raises StoreBehind where the store cursor is below `through`.
        """
        low = 1 << _ORDINAL_BITS
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            stored = (await connection.fetchrow(sql("read_cursor")))["seq"]
            if through is not None and through // low > stored:
                raise StoreBehind(f"the store cursor is at frame {stored}")
            bound = (None, None) if through is None else divmod(through, low)
            rows = await connection.fetch(sql("alert_events"), *divmod(after, low), *bound, limit)
        return [_message(row) for row in rows]

    async def dead_letters(
        self,
        *,
        reason: str | None = None,
        waiting: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """Dead letters without their bytes, newest first; `waiting` leaves out those replayed."""
        seq, ordinal = parse(cursor, 2) or (None, None)
        rows = await self.fetch("dead_letters", seq, _small(ordinal, 31), reason, waiting, limit + 1)
        return page(rows, limit, lambda row: (row["seq"], row["ordinal"]))

    async def policy_changes(self, *, limit: int = 20, cursor: str | None = None) -> Page:
        """Every alert policy that was given, newest first."""
        (seq,) = parse(cursor, 1) or (None,)
        rows = await self.fetch("policy_changes", seq, limit + 1)
        return page(rows, limit, lambda row: (row["seq"],))

    async def dead_letter(self, seq: int) -> list[dict[str, Any]]:
        """All dead letters of a frame, in order; `raw` of the first holds its bytes. Empty where there are none."""
        return [dict(row) for row in await self.fetch("dead_letter", seq)]

    async def ask(self, statement: str, *arguments: object) -> list[dict[str, Any]]:
        """Another part's question, within the reader's bounds: its rows."""
        async with self._connection() as connection:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]

    async def close(self) -> None:
        """Close the pool; queries under way end first."""
        await self._pool.close()

    async def fetch(self, name: str, *arguments: object) -> list[Any]:
        """The rows of a statement of queries.sql."""
        async with self._connection() as connection:
            return list(await connection.fetch(sql(name), *arguments))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.acquire(timeout=WAIT_S) as connection:
                yield connection
        except asyncpg.QueryCanceledError as error:
            raise StoreUnavailable(f"the query took longer than {STATEMENT_MS_MAX} ms") from error
        except Exception as error:
            if (known := translate(error)) is not None:
                raise known from error
            raise


async def _decode_json(connection: Any) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=orjson.loads, format="text")


def _small(number: int | None, bits: int = 15) -> int | None:
    if number is not None and not 0 <= number < 1 << bits:
        raise BadCursor
    return number


def _uuid(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(cursor)
    except ValueError:
        raise BadCursor from None


def _message(row: Any) -> AlertMessage:
    """The same object as the live message of the publish stage (core_rs/src/publish/encode.rs)."""
    cursor = row["seq"] << _ORDINAL_BITS | min(row["ordinal"], (1 << _ORDINAL_BITS) - 1)
    unit, patient_id = row["unit"] or "", str(row["patient_id"] or "")
    body = {
        "type": "alert",
        "cursor": str(cursor),
        "patient": patient_id,
        "unit": unit,
        "bed": row["bed"] or "",
        "kind": ALERT_KINDS[row["kind"]],
        "id": str(row["alert_id"]),
        "rule": row["rule"],
        "cause": row["cause"],
        "subject": row["subject"],
        "score": row["model"],
        "severity": SEVERITIES[row["severity"]],
        "at_ms": to_us(row["at"]) // 1_000,
        "value": row["value"],
        "reason": row["reason"],
        "contributions": row["contributions"],
        "explanation": row["explanation"],
        "by": row["by_key"],
        "role": row["by_role"],
        "to": row["to_role"],
        "note": row["note"],
        "until_ms": None if row["until_at"] is None else to_us(row["until_at"]) // 1_000,
        "level": row["level"],
        "held": row["held"],
    }
    return AlertMessage(cursor, unit, patient_id, orjson.dumps(body))
