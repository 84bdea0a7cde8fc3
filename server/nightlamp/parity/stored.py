"""What a server has stored, read back: by COPY from its database, or page by page over the query API.

Of a server the command started itself the database is read: 190,000 feature rows in seconds. Over the API a patient is
one request or a few; the feature rows come as JSON.
"""

import asyncio
import json
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import numpy as np
from numpy.typing import NDArray

from nightlamp.score.adt_text import AUTHORITY

#: PostgreSQL counts from 2000-01-01.
_EPOCH_2000_US = 946_684_800_000_000
_COPY_HEAD_BYTES, _COPY_TAIL_BYTES = 19, 2
_PAGE = 1_000
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Scores:
    """Stored scores of one model in any order: whose (index), when, log-odds, risk, features (scores x width)."""

    patient: NDArray[np.int64]
    at_us: NDArray[np.int64]
    raw: NDArray[np.float64]
    risk: NDArray[np.float64]
    features: NDArray[np.float32]


class Reader(Protocol):
    """Where stored scores are read."""

    async def pseudonyms(self) -> dict[str, UUID]:
        """The pseudonym of each recorded patient the server knows, by PID-3.1."""
        ...

    async def scores(self, of: list[UUID], model: str, width: int, since: datetime, until: datetime) -> Scores:
        """The scores of some patients; `patient` is the place in `of`."""
        ...


class Database:
    """The server's own tables."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def pseudonyms(self) -> dict[str, UUID]:
        """As `Reader`."""
        rows = await self._connection.fetch(
            "SELECT identifier, patient_id FROM identities WHERE authority = $1", AUTHORITY
        )
        return {row["identifier"]: UUID(bytes=row["patient_id"].bytes) for row in rows}

    async def scores(self, of: list[UUID], model: str, width: int, since: datetime, until: datetime) -> Scores:
        """As `Reader`."""
        query = (
            "SELECT patient_id, scored_at, raw, value, features FROM scores "
            "WHERE patient_id = ANY($1) AND model = $2 AND scored_at >= $3 AND scored_at < $4"
        )
        taken = bytearray()

        async def take(data: bytes) -> None:
            taken.extend(data)

        await self._connection.copy_from_query(query, of, model, since, until, output=take, format="binary")
        return _parse(bytes(taken), of, width)


def _parse(copied: bytes, of: list[UUID], width: int) -> Scores:
    """A binary COPY of rows that all have the same length, since no column is NULL and all arrays have one width."""
    value = np.dtype([("bytes", ">i4"), ("value", ">f4")])
    row = np.dtype(
        [
            ("columns", ">i2"),
            ("patient_bytes", ">i4"),
            ("patient", "V16"),
            ("at_bytes", ">i4"),
            ("at", ">i8"),
            ("raw_bytes", ">i4"),
            ("raw", ">f8"),
            ("risk_bytes", ">i4"),
            ("risk", ">f8"),
            ("features_bytes", ">i4"),
            ("features_head", ">i4", (5,)),
            ("features", value, (width,)),
        ]
    )
    body = memoryview(copied)[_COPY_HEAD_BYTES : len(copied) - _COPY_TAIL_BYTES]
    if len(body) % row.itemsize:
        raise ValueError(f"the stored feature rows are not {width} wide")
    rows = np.frombuffer(body, dtype=row)
    if len(rows) and not ((rows["columns"] == 5).all() and (rows["features"]["bytes"] == 4).all()):
        raise ValueError(f"the stored feature rows are not {width} wide, or hold NULL")
    place = {one.bytes: at for at, one in enumerate(of)}
    return Scores(
        patient=np.array([place[bytes(one)] for one in rows["patient"]], dtype=np.int64),
        at_us=rows["at"].astype(np.int64) + _EPOCH_2000_US,
        raw=rows["raw"].astype(np.float64),
        risk=rows["risk"].astype(np.float64),
        features=rows["features"]["value"].astype(np.float32),
    )


async def database(url: str) -> Database:
    """The database of a server on this machine."""
    return Database(await asyncpg.connect(url, server_settings={"timezone": "UTC", "jit": "off"}))


class Api:
    """The query API, with a key that may read identities."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    async def pseudonyms(self) -> dict[str, UUID]:
        """As `Reader`."""
        found: dict[str, UUID] = {}
        for item in await self._all("/v1/patients", {"gone": "true"}):
            identity = item["identity"]
            if identity is not None and identity["authority"] == AUTHORITY:
                found[identity["identifier"]] = UUID(item["patient_id"])
        return found

    async def scores(self, of: list[UUID], model: str, width: int, since: datetime, until: datetime) -> Scores:
        """As `Reader`."""
        span = {"model": model, "features": "true", "from": since.isoformat(), "to": until.isoformat()}
        items = [
            (place, item)
            for place, one in enumerate(of)
            for item in await self._all(f"/v1/patients/{one}/scores", span)
        ]
        values = [[np.nan if v is None else v for v in item["features"]] for _, item in items]
        return Scores(
            patient=np.array([place for place, _ in items], dtype=np.int64),
            at_us=np.array([_us(item["scored_at"]) for _, item in items], dtype=np.int64),
            raw=np.array([item["raw"] for _, item in items]),
            risk=np.array([item["value"] for _, item in items]),
            features=np.array(values, dtype=np.float32).reshape(-1, width),
        )

    async def _all(self, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        page = query | {"limit": str(_PAGE)}
        while True:
            answer = await asyncio.to_thread(get, self._url, f"{path}?{urlencode(page)}", self._key)
            items.extend(answer["items"])
            if answer["next_cursor"] is None:
                return items
            page["cursor"] = answer["next_cursor"]


def get(url: str, path: str, key: str) -> Any:
    """One request; its JSON, or its text where it is none."""
    request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 (the operator's own address)
        text = answer.read().decode()
        return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text


def _us(text: str) -> int:
    at = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return (at.days * 86_400 + at.seconds) * 1_000_000 + at.microseconds
