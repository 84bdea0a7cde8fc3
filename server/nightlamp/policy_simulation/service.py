"""Simulations of a running server: one at a time, beside the route, each at most `replay.simulate_s_max`.

A simulation is a replay on a thread that yields to the route; it takes the memory of one state of the ward. Its
result outlives the server in `policy_simulation.json` of the data folder: figures by unit, severity, rule and cause, of
nobody.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
import structlog

from nightlamp._core import CoreError, Course
from nightlamp.errors import Problem
from nightlamp.settings import Figures

from . import journal

_log = structlog.get_logger("nightlamp.audit")
FILE = "policy_simulation.json"
#: What a file may hold: figures of 500 units and 128 rules are a tenth of it.
FILE_BYTES_MAX = 4 << 20


class Engine(Protocol):
    """The part of `_core.Engine` this needs."""

    def simulate(self, trial: bytes, course: Course) -> bytes:
        """See `_core.pyi`."""
        ...


@dataclass(frozen=True, slots=True)
class Last:
    """A simulation that ended."""

    id: str
    by: str
    """Id of the key that asked for it."""
    began_at: str
    error: str | None
    """Why there is no result."""
    result: dict[str, Any] | None
    """See `result.py`."""


@dataclass(frozen=True, slots=True)
class Running:
    """A simulation under way."""

    id: str
    by: str
    began_at: str
    course: Course

    def as_dict(self) -> dict[str, Any]:
        """For the API; done and total are frames."""
        done, total = self.course.progress
        return {"id": self.id, "by": self.by, "began_at": self.began_at, "done": done, "total": total}


class Simulations:
    """Policies tried on the journal of this server."""

    def __init__(self, engine: Engine, figures: Figures, seconds_max: float, data_dir: Path) -> None:
        self._engine, self._figures, self._seconds_max = engine, figures, seconds_max
        self._file = data_dir / FILE
        self._task: asyncio.Task[None] | None = None
        self._running: Running | None = None
        self._last = _read(self._file)

    def state(self) -> dict[str, Any]:
        """What is under way, and the last that ended."""
        last = None if self._last is None else asdict(self._last)
        return {"running": None if self._running is None else self._running.as_dict(), "last": last}

    def start(self, asked: journal.Asked, by: str) -> str:
        """Begin one; its id. A 503 Problem while another is under way."""
        if self._running is not None:
            raise Problem(503, "overloaded", "Another policy is being simulated.", {"Retry-After": "10"})
        now = datetime.now(UTC)
        running = Running(f"{int(now.timestamp() * 1e6):x}", by, now.isoformat(timespec="seconds"), Course())
        self._running = running
        self._task = asyncio.create_task(self._run(running, asked), name="simulation")
        _log.info("policy simulation", principal=by, from_us=asked.from_us, to_us=asked.to_us)
        return running.id

    async def close(self) -> None:
        """Stop what is under way and wait for its end."""
        if self._running is not None:
            self._running.course.stop()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, running: Running, asked: journal.Asked) -> None:
        simulate: Callable[[bytes], bytes] = lambda trial: self._engine.simulate(trial, running.course)  # noqa: E731
        error = found = None
        try:
            found = await asyncio.to_thread(
                journal.run, asked, self._figures, self._seconds_max, "journal of this server", simulate
            )
        except CoreError as refused:
            code, _, detail, *_ = refused.args
            error = "The simulation failed." if code == "internal" else str(detail)
            _log.error("a policy could not be simulated", code=code, why=detail)
        except Exception as broken:  # the next one may be asked for
            error = "The simulation failed."
            _log.error("a policy could not be simulated", code="internal", why=type(broken).__name__)
        last = Last(running.id, running.by, running.began_at, error, found)
        try:
            await asyncio.to_thread(_write, self._file, last)
        except OSError as broken:
            _log.warning("the result of a simulation is not on disk", why=broken.strerror)
        self._last, self._running = last, None


def _read(file: Path) -> Last | None:
    """The result of a former life; None where there is none that can be read."""
    try:
        with file.open("rb") as opened:
            return Last(**orjson.loads(opened.read(FILE_BYTES_MAX)))
    except (OSError, ValueError, TypeError):
        return None


def _write(file: Path, last: Last) -> None:
    new = file.with_suffix(".new")
    with new.open("wb") as opened:
        opened.write(orjson.dumps(asdict(last)))
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)
