"""Pages by key: a cursor names the last row of a page, so that pages neither shift nor slow down as rows arrive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

PAGE_MAX = 5_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadCursor(ValueError):
    """The cursor is not one that was given out."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as mappings, and the cursor of the next page or None where this one is the last."""

    items: list[dict[str, Any]]
    next_cursor: str | None


def page(rows: Sequence[Any], limit: int, key: Callable[[Any], Sequence[object]]) -> Page:
    """A page of at most `limit` out of up to `limit + 1` rows; `key` gives what orders a row."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page([dict(row) for row in shown], ".".join(str(part) for part in key(shown[-1])) if more else None)


def parse(cursor: str | None, parts: int) -> tuple[int, ...] | None:
    """The numbers of a cursor. Raises BadCursor."""
    if cursor is None:
        return None
    try:
        numbers = tuple(int(part) for part in cursor.split("."))
    except ValueError:
        raise BadCursor from None
    if len(cursor) > 100 or len(numbers) != parts or not all(-(2**63) <= number < 2**63 for number in numbers):
        raise BadCursor
    return numbers


def score_cursor(scored_at: datetime, seq: int, ordinal: int) -> str:
    """The place of one score, as in the pages of scores."""
    return f"{to_us(scored_at)}.{seq}.{ordinal}"


def to_us(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_us(at_us: int) -> datetime:
    """The reverse of `to_us`. Raises BadCursor outside the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(microseconds=at_us)
    except OverflowError:
        raise BadCursor from None
