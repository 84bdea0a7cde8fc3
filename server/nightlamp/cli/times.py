"""Times that a person gives."""

from datetime import datetime

from .terminal import fail


def moment(text: str, option: str) -> datetime:
    """The time with its offset; leaves with 2 where it is none, or lacks it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option}: {text!r} is not a time; expected RFC 3339 with offset, such as 2026-03-01T12:30:00Z", 2)
    if at.tzinfo is None:
        fail(f"{option}: give the time with its offset, such as 2026-03-01T12:30:00Z", 2)
    return at
