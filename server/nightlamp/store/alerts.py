"""Reading alerts as they stand, with their steps: what is not cleared first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from nightlamp.store.paging import BadCursor, Page, parse
from nightlamp.store.reader import Reader

#: Patient, unit, units that may be seen, opened from and to: each or None.
Wanted = tuple[UUID | None, str | None, Sequence[str] | None, datetime | None, datetime | None]


class AlertReader:
    """Over the reader's connections and limits; each call raises StoreError."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def by_need(
        self, wanted: Wanted, state: str | None, limit: int, cursor: str | None, *, loose: bool = False
    ) -> Page:
        """What is not cleared, newest first, then what is; `state` as in the view `alerts`, or `active`.

        `loose`: only alerts about no patient.
        """
        over, before = parse(cursor, 2) or (0, None)
        if over not in (0, 1):
            raise BadCursor
        rows: list[Any] = []
        if over == 0 and state != "cleared":
            one = state if state != "active" else None
            rows = await self._reader.fetch("alerts_standing", before, *wanted, one, limit + 1, loose)
            before = None
        if len(rows) <= limit and state in (None, "cleared"):
            rows += await self._reader.fetch("alerts_over", before, *wanted, limit + 1 - len(rows), loose)
        shown = [dict(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(shown, None)
        last = shown[-1]
        return Page(shown, f"{int(last['state'] == 'cleared')}.{last['alert_id']}")

    async def one(self, alert_id: int) -> dict[str, Any] | None:
        """An alert as it stands; None where there is none."""
        rows = await self._reader.fetch("alert", alert_id)
        return dict(rows[0]) if rows else None

    async def history(self, alert_ids: Sequence[int], steps_max: int) -> dict[int, list[dict[str, Any]]]:
        """The newest steps of these alerts, in order: at most `steps_max`, and one more where there are more."""
        found: dict[int, list[dict[str, Any]]] = {}
        for row in await self._reader.fetch("alert_history", alert_ids, steps_max + 1) if alert_ids else []:
            found.setdefault(row["alert_id"], []).append(dict(row))
        return found
