"""store: batches become rows of TimescaleDB or PostgreSQL, exactly once (P2), and answers to queries."""

from nightlamp.store.copy import Batch
from nightlamp.store.errors import (
    MigrationError,
    RowsRefused,
    StoreBehind,
    StoreChanged,
    StoreError,
    StoreGap,
    StoreUnavailable,
)
from nightlamp.store.reader import AlertMessage, Reader
from nightlamp.store.routes import router
from nightlamp.store.store import Store
from nightlamp.store.writer import Written

__all__ = [
    "AlertMessage",
    "Batch",
    "MigrationError",
    "Reader",
    "RowsRefused",
    "Store",
    "StoreBehind",
    "StoreChanged",
    "StoreError",
    "StoreGap",
    "StoreUnavailable",
    "Written",
    "router",
]
