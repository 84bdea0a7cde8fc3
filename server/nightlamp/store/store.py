"""The store stage: one writer, one reader, one database."""

from collections.abc import Sequence
from datetime import timedelta

from nightlamp.store.apart import FrameOf
from nightlamp.store.copy import Batch
from nightlamp.store.reader import AlertMessage, Reader
from nightlamp.store.writer import Writer, Written


class Store:
    """What the rest of nightlamp sees: writing here, queries under `reader`."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self.reader = writer, reader

    @classmethod
    async def connect(cls, url: str) -> "Store":
        """A store on the database of this URL (`postgresql://...`), reached when first used."""
        return cls(Writer(url), await Reader.connect(url))

    async def migrate(self) -> list[str]:
        """Bring the schema up to date; names of the migrations applied. Raises StoreError."""
        return await self._writer.migrate()

    async def cursor(self) -> int:
        """Sequence number of the newest stored frame; 0 before the first. Raises StoreError."""
        return await self._writer.cursor()

    async def claim(self, journal: str) -> int:
        """Bind the database to this journal; the cursor. Raises StoreError where it belongs to another."""
        return await self._writer.claim(journal)

    async def register(
        self,
        signals: Sequence[tuple[int, str, str, str | None]] = (),
        models: Sequence[tuple[str, str, bytes, str]] = (),
    ) -> None:
        """Write the catalogue (id, name, unit, LOINC) and the scorers (name, version, sha256, manifest as JSON)."""
        await self._writer.register(signals, models)

    async def write(self, batch: Batch) -> Written:
        """Store a batch exactly once. Raises StoreUnavailable (repeat the call), StoreGap or StoreError (do not)."""
        return await self._writer.write(batch)

    async def write_many(self, batches: Sequence[Batch]) -> Written:
        """Store consecutive batches in one transaction, one COPY a table. Errors as `write`, and RowsRefused."""
        return await self._writer.write_many(batches)

    async def write_apart(self, batch: Batch, frame_of: FrameOf) -> Written:
        """Store a batch that was RowsRefused: its poison rows become dead letters, everything else is stored."""
        return await self._writer.write_apart(batch, frame_of)

    async def maintain(self, keep: timedelta | None = None) -> tuple[int, int]:
        """Make partitions ahead and, with `keep`, drop old ones: (made, dropped). Call it hourly."""
        return await self._writer.maintain(keep)

    async def forget_alerts(self, keep: timedelta) -> tuple[int, int]:
        """Drop alerts cleared, and messages about steps, longer ago than that: (alerts, messages). Call it hourly."""
        return await self._writer.forget_alerts(keep)

    async def alert_messages(self, after: int, through: int | None, limit: int) -> list[AlertMessage]:
        """Alert messages with `after < cursor <= through`, by cursor. Raises StoreBehind and StoreError."""
        return await self.reader.alert_messages(after, through, limit)

    async def close(self) -> None:
        """End the write and the queries under way, then close."""
        await self._writer.close()
        await self.reader.close()
