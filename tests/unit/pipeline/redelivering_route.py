"""The real journal and pipeline behind what the doors do, without sockets: for many cases in little time.

A delivery goes as server/nightlamp/receive lets it go: screen, submit, note, wait for the disk, answer. Rows are taken
as store takes them: what was not stored when the engine ended is made again by the next.
"""

import json
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nightlamp._core import Batch, Decoder, Engine
from nightlamp.receive.door import Source, now_us
from nightlamp.store.copy import COLUMNS

PRINCIPAL, SITE_KEY = "sender", "5a" * 32
MQTT_JSON, MQTT_HL7 = 3, 4
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Delivery:
    """One copy of a message on its way through one door."""

    source: int
    payload: bytes
    context: str = ""

    @property
    def by_http(self) -> bool:
        """Only HTTP answers with more than that it is safe."""
        return self.source in {Source.HL7_HTTP, Source.JSON_HTTP}


class Route:
    """An engine on a folder, and everything it has given so far."""

    def __init__(self, folder: Path, **limits: int) -> None:
        self._folder = folder
        self._config = {"site_key_hex": SITE_KEY, "batch_ms": 0, "limits": limits, "journal": {"snapshot_s": 1}}
        self._decoder = Decoder(json.dumps({"site_key": SITE_KEY, "limits": limits}))
        self.cursor = 0
        self.stored: list[Batch] = []
        self._waiting: list[Batch] = []
        self._open()

    def _open(self) -> None:
        self.engine = Engine(str(self._folder), json.dumps(self._config).encode())
        self._deliveries = self.engine.deliveries()
        self.engine.start(self.cursor)

    def restart(self) -> None:
        """The process dies: what was not stored is forgotten. Returns once the journal is replayed."""
        self.engine.stop()
        self._waiting.clear()
        del self._deliveries, self.engine
        self._open()
        self._await(lambda: self.processed() >= self.engine.durable_seq())

    def close(self) -> None:
        """The end."""
        self.engine.stop()

    def deliver(self, one: Delivery) -> str:
        """What the sender is told; an empty text over MQTT, once it may be told that it is safe."""
        at_us = now_us()
        answer, message_id, seq = self._answer(one, at_us)
        if message_id is not None:
            self._deliveries.note(message_id, seq, at_us)
        self._await(lambda: self.engine.durable_seq() >= seq)
        if not one.by_http:
            self._await(lambda: self.processed() >= seq)
        return answer

    def _answer(self, one: Delivery, at_us: int) -> tuple[str, tuple[int, int] | None, int]:
        submit = self.engine.submit
        if one.source == Source.HL7_HTTP:
            screened = self._decoder.screen_hl7(one.payload, "", at_us, PRINCIPAL, self._deliveries)
            (message,) = screened.messages
            assert message.refusal is None
            seq = submit(one.source, PRINCIPAL, "", message.payload)
            return screened.ack(at_us).decode().partition("\r")[2], message.message_id, seq
        if one.source == Source.JSON_HTTP:
            body = self._decoder.screen_json(one.payload, at_us, PRINCIPAL, one.context, self._deliveries)
            assert body.refusal is None
            seq = submit(one.source, PRINCIPAL, one.context, one.payload)
            return f"{body.first_seq or seq} {body.observations} {body.rejected}", body.message_id, seq
        return "", None, submit(one.source, PRINCIPAL, one.context, one.payload)

    def submit(self, many: list[Delivery]) -> int:
        """Journal these without waiting; the number of the last."""
        return max(self.engine.submit(one.source, PRINCIPAL, one.context, one.payload) for one in many)

    def store(self) -> None:
        """Take and commit everything that is durable."""
        end = self.engine.durable_seq()
        self._await(lambda: max([self.cursor, *(batch.last_seq for batch in self._waiting)]) >= end)
        for batch in self._waiting:
            assert batch.first_seq == self.cursor + 1
            self.cursor = batch.last_seq
        self.stored += self._waiting
        self._waiting.clear()
        self.engine.stored(self.cursor)

    def rows(self, table: str, *columns: str) -> Counter[tuple[bytes, ...]]:
        """How often these columns' bytes were stored."""
        found: Counter[tuple[bytes, ...]] = Counter()
        places = [COLUMNS[table].index(column) for column in columns]
        for batch in self.stored:
            for name, _, copy in batch.tables:
                if name == table:
                    found.update(tuple(row[place] for place in places) for row in _rows(copy))
        return found

    def counted(self) -> dict[str, int]:
        """The pipeline's counters since the last start, once it has done everything durable."""
        self._await(lambda: self.processed() >= self.engine.durable_seq())
        return dict(json.loads(self.engine.stats())["pipeline"])

    def processed(self) -> int:
        """The last frame the pipeline has finished."""
        return int(json.loads(self.engine.stats())["lag"]["processed_seq"])

    def _await(self, done: Callable[[], bool]) -> None:
        """Wait for something, taking batches meanwhile as store does."""
        until = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < until
            while (batch := self.engine.next_batch(0)) is not None:
                # What is shown to consoles after a start holds no frame.
                self._waiting += [batch] * (batch.frames > 0)
            time.sleep(0.0005)


def _rows(copy: bytes) -> Iterator[list[bytes]]:
    """PostgreSQL's binary COPY: a head of 19 bytes, rows of a count and that many (length, bytes), -1 at the end."""
    at = 19
    while (count := struct.unpack_from("!h", copy, at)[0]) != -1:
        at += 2
        row = []
        for _ in range(count):
            (length,) = struct.unpack_from("!i", copy, at)
            at += 4
            row.append(copy[at : at + max(length, 0)])
            at += max(length, 0)
        yield row
