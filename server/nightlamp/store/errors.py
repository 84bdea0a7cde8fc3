"""What can go wrong between nightlamp and its database, by what the caller should do about it."""

import asyncpg


class StoreError(Exception):
    """The database cannot be used as it is; the text says why. Waiting does not help."""


class StoreUnavailable(StoreError):
    """The database is away, slow or full: nothing was written, the same call may be repeated."""


class StoreGap(StoreError):
    """A batch neither continues at the cursor nor lies below it. Restart the route from the cursor."""


class StoreBehind(StoreError):
    """The store has not reached the point that was asked for; ask again later."""


class MigrationError(StoreError):
    """The schema is not what this nightlamp's migrations make; the text says which and what to do."""


#: SQLSTATE classes that pass: connection, rollback (deadlock), out of resources, operator intervention, system error.
_PASSING = ("08", "40", "53", "57", "58")


def translate(error: BaseException) -> StoreError | None:
    """The store's view of an error of asyncpg or the network; None where it is neither. Repeats no row (P6)."""
    if isinstance(error, asyncpg.PostgresError):
        sqlstate = str(error.sqlstate or "")
        text = f"{type(error).__name__} (SQLSTATE {sqlstate})"
        return StoreUnavailable(text) if sqlstate[:2] in _PASSING else StoreError(text)
    if isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError):
        return StoreUnavailable(type(error).__name__)
    return None
