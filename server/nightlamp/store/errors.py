"""What can go wrong between nightlamp and its database, by what the caller should do about it."""

import asyncpg


class StoreError(Exception):
    """The database cannot be used as it is; the text says why. Waiting does not help."""


class StoreUnavailable(StoreError):
    """The database is away, slow or full: nothing was written, the same call may be repeated."""


class StoreGap(StoreError):
    """A batch neither continues at the cursor nor lies below it. Restart the route from the cursor."""


class StoreChanged(StoreError):
    """This is no longer the database the route was started on; the text says what it is now and what to do."""


class RowsRefused(StoreError):
    """A row is one that this database will not have: its value, not the database's state, is the reason."""


class StoreBehind(StoreError):
    """The store has not reached the point that was asked for; ask again later."""


class MigrationError(StoreError):
    """The schema is not what this nightlamp's migrations make; the text says which and what to do."""


#: SQLSTATE classes that pass: connection, rollback (deadlock), out of resources (disk full), not in the state that is
#: needed (locks), operator intervention, system error; and a server that only reads (a standby).
_PASSING = ("08", "25", "40", "53", "55", "57", "58")
#: Classes that speak of a row: cardinality, data, integrity, check option, program limits (an index entry too long),
#: and what a trigger raises.
_OF_A_ROW = ("21", "22", "23", "44", "54", "P0")
#: No such schema, function, column or table: they were there at the start.
_CHANGED = {"3F000", "42883", "42703", "42P01"}
_CHANGED_TEXT = (
    "the database has lost tables that it had at the start. Restore it, or restart nightlamp: it makes the tables "
    "again, and the rows from the journal"
)


#: What uvloop says of a transport that is gone; any other RuntimeError is a mistake in a program.
_CLOSED = ("the handler is closed", "closed Transport handle")


def _is_closed_line(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _CLOSED)


def translate(error: BaseException) -> StoreError | None:
    """The store's view of an error of asyncpg or the network; None where it is neither. Repeats no row (P6)."""
    if isinstance(error, asyncpg.PostgresError):
        sqlstate = str(error.sqlstate or "")
        text = f"{type(error).__name__} (SQLSTATE {sqlstate})"
        if sqlstate in _CHANGED:
            return StoreChanged(f"{_CHANGED_TEXT}: {text}")
        if sqlstate[:2] in _OF_A_ROW:
            return RowsRefused(text)
        return StoreUnavailable(text) if sqlstate[:2] in _PASSING else StoreError(text)
    # Of a line that broke at a bad moment asyncpg says InternalClientError, and uvloop RuntimeError.
    line = OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError
    if isinstance(error, line) or _is_closed_line(error):
        return StoreUnavailable(type(error).__name__)
    return None
