"""Asks the engine for a past and compares it with the store.

At most `replay.concurrency_max` at once (others are refused with 503 and Retry-After), each at most
`replay.time_s_max`, off the event loop. What differs is logged without identity and counted; who asked is logged.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import orjson
import structlog

from nightlamp._core import CoreError
from nightlamp.errors import Problem
from nightlamp.settings import Replay
from nightlamp.store import Store, StoreError

from .compare import compare
from .question import question, refusal
from .views import ModelId, Past, ScoreThen, past, time_of

_log = structlog.get_logger("nightlamp.as_of")
#: How long an unchanged score waits for its next row; twice that before a time, rows tell which models were in use.
RECENT = timedelta(seconds=120)


class Asker(Protocol):
    """The part of `_core.Engine` this needs."""

    def as_of(self, question: bytes) -> bytes:
        """See `_core.pyi`."""
        ...

    def read_frame(self, seq: int) -> tuple[int, str, str, int, bytes] | None:
        """See `_core.pyi`; its fourth is the receipt in microseconds."""
        ...


@dataclass(slots=True)
class AsOfStats:
    """What was asked and how it compared."""

    outcomes: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    seconds: float = 0.0
    running: int = 0


class AsOf:
    """One patient's past, on request."""

    def __init__(self, engine: Asker, store: Store, limits: Replay, bundles: list[Path], keep_days: int) -> None:
        self._engine, self._store, self._limits = engine, store, limits
        self._bundles, self._keep = bundles, timedelta(days=keep_days) if keep_days else None
        self.stats = AsOfStats()

    async def past(
        self, patient_id: UUID, *, at_us: int | None, seq: int | None, scorer: str | None, features: bool
    ) -> Past:
        """The past at a time or after a frame. Raises Problem."""
        if self.stats.running >= self._limits.concurrency_max:
            self.stats.outcomes["busy"] += 1
            raise Problem(503, "overloaded", "Another past is being computed.", {"Retry-After": "2"})
        self.stats.running += 1
        try:
            found = await self._find(patient_id, at_us, seq, scorer, features)
        except Problem as problem:
            self.stats.outcomes[problem.code] += 1
            raise
        finally:
            self.stats.running -= 1
        self.stats.outcomes["shown"] += 1
        return found

    async def _find(
        self, patient_id: UUID, at_us: int | None, seq: int | None, scorer: str | None, features: bool
    ) -> Past:
        then = await self._models(patient_id, at_us, seq)
        asked = question(
            patient_id,
            at_us=at_us,
            seq=seq,
            time_s_max=self._limits.time_s_max,
            bundles=self._bundles,
            models=[model.sha256 for model in then],
        )
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            told = orjson.loads(await asyncio.to_thread(self._engine.as_of, asked))
        except CoreError as error:
            if error.args[0] == "internal":
                _log.error("a past could not be computed", why=error.args[2])
            raise refusal(error) from None
        finally:
            self.stats.seconds += loop.time() - began
        self.stats.frames += told["replay"]["frames"]
        missing = _missing(told, then)
        for model in missing:
            if model.name == scorer:
                text = (
                    f"{model.name} {model.version} with SHA-256 {model.sha256} scored then and is not on this machine"
                )
                raise Problem(409, "model_not_here", text)
        names = {model.name for model in missing}
        for table in ("scores", "alerts"):
            told[table] = [one for one in told[table] if one["model"] not in names]
        patient_id = UUID(told["patient_id"])  # the survivor, where the record had been merged by then
        view = past(patient_id, told, scorer=scorer, features=features)
        view.missing_models = missing
        await self._compare(patient_id, told, view)
        return view

    async def _models(self, patient_id: UUID, at_us: int | None, seq: int | None) -> list[ModelId]:
        """The models whose rows the store has from just before that time; none where it cannot say."""
        if at_us is None:
            try:
                frame = await asyncio.to_thread(self._engine.read_frame, seq or 0)
            except CoreError as error:
                raise refusal(error) from None
            if frame is None:
                return []
            at_us = frame[3]
        at = time_of(at_us)
        try:
            rows = await self._store.reader.models_used(patient_id, at - RECENT, at)
        except StoreError:
            return []
        return [ModelId(name=row["model"], version=row["version"], sha256=row["model_sha256"].hex()) for row in rows]

    async def _compare(self, patient_id: UUID, told: dict[str, Any], view: Past) -> None:
        """Fill in `matches_stored` and `not_reproduced`."""
        stored = [one for one in told["scores"] if one["origin"] == "stored"]
        times = {one["scored_at_us"] for one in stored} | {told["received_at_us"], told["at_us"]}
        seqs = {one["seq"] for one in stored} | {told["seq"]}
        try:
            rows = await self._store.reader.scores_of_frames(patient_id, [*map(time_of, times)], [*seqs])
            cursor = await self._store.reader.stored_seq()
        except StoreError:
            self.stats.compared["unknown"] += len(stored)
            return
        by_key = {(row["seq"], row["model"]): row for row in rows}
        by_view = {(one.seq, one.model): one for one in view.scores if one.origin == "stored"}
        for one in stored:
            key = (one["seq"], one["model"])
            row, shown = by_key.get(key), by_view.get(key)
            differs = ["row"] if row is None else compare(one, row)
            if row is None and (why := self._why_absent(one, cursor)) is not None:
                self._note(shown, why, None)
                continue
            self._note(shown, "missing" if row is None else "found", not differs)
            if differs:
                _log.error(
                    "a score of the past differs from its row", model=one["model"], seq=one["seq"], differs=differs
                )
        told_keys = {(one["seq"], one["model"]) for one in stored}
        view.not_reproduced = sorted(
            model for seq, model in by_key if seq == told["seq"] and (seq, model) not in told_keys
        )
        if view.not_reproduced:
            self.stats.compared["not_reproduced"] += len(view.not_reproduced)
            _log.error("stored scores were not reproduced", models=view.not_reproduced, seq=told["seq"])

    def _why_absent(self, one: dict[str, Any], cursor: int) -> str | None:
        """Why a stored score has no row, where that is as it should be."""
        if one["seq"] > cursor:
            return "not_yet"
        if self._keep is not None and time_of(one["scored_at_us"]) < datetime.now(UTC) - self._keep + timedelta(days=2):
            return "forgotten"
        return None

    def _note(self, shown: ScoreThen | None, row: Any, matches: bool | None) -> None:
        self.stats.compared[{True: "same", False: "different", None: "unknown"}[matches]] += 1
        if shown is not None:
            shown.stored_row, shown.matches_stored = row, matches


def _missing(told: dict[str, Any], then: list[ModelId]) -> list[ModelId]:
    """Models of then that the replay did not have: named by its snapshot, or by rows of just before."""
    used = {one["sha256"] for one in told["models"]}
    found = [ModelId(**one) for one in told["missing_models"]]
    return found + [model for model in then if model.sha256 not in used and model not in found]
