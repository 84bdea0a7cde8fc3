"""Tells the chapters as they happen, with the time, and at the end all of them in one table.

All chapters wait at the same time, since a ward does not wait for its story; each has until the story's end. What did
not happen by then, or went wrong, is told as missing.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nightlamp.own_server import ServerFailed

from .record import clock
from .sink import Delivery
from .story import Chapter, NotOffered, Outcome, Scene, Told


@dataclass(frozen=True, slots=True)
class Line:
    """A chapter in the table. `at`: seconds since 1970."""

    chapter: Chapter
    outcome: Outcome
    at: float
    measured: str


class Narrator:
    """Prints on one console."""

    def __init__(self, out: Console) -> None:
        self._out = out
        #: When the story began, seconds since 1970: minutes and seconds count from here.
        self.began = clock()

    def _print(self, text: str) -> None:
        self._out.print(text, highlight=False)

    def _when(self, at: float) -> str:
        passed = max(0, int(at - self.began))
        return f"{time.strftime('%H:%M:%S', time.localtime(at))} {passed // 60}:{passed % 60:02}"

    def say(self, text: str) -> None:
        """A line between the chapters."""
        self._print(f"[dim]{self._when(clock())}[/]  {escape(text)}")

    def delivery(self, delivery: Delivery) -> None:
        """A notification arrived: its subject alone, which names nobody."""
        where = next((line for line in delivery.text.splitlines() if line.startswith("Bed: ")), "")
        text = f"{delivery.channel}: {delivery.title}" + (f" ({where.removeprefix('Bed: ')})" if where else "")
        self._print(f"[dim]{self._when(delivery.at)}[/]  [cyan]{escape(text)}[/]")

    async def tell(self, scene: Scene, chapters: Sequence[Chapter], seconds: float) -> list[Line]:
        """Every chapter, as it happens, until all are told or the time is over."""
        end = time.monotonic() + seconds
        return list(await asyncio.gather(*(self._one(scene, chapter, end) for chapter in chapters)))

    async def _one(self, scene: Scene, chapter: Chapter, end: float) -> Line:
        outcome, measured = Outcome.MISSING, "did not happen in its time"
        told: Told | None = None
        try:
            async with asyncio.timeout(end - time.monotonic()):
                told = await chapter.tell(scene)
        except TimeoutError:
            pass
        except NotOffered as why:
            outcome, measured = Outcome.NOT_OFFERED, str(why)
        except (RuntimeError, OSError, ServerFailed) as error:
            measured = f"went wrong: {error}"
        at = clock()
        if told is not None:
            outcome, measured = Outcome.TOLD, told.measured
        self._chapter(chapter, outcome, at, told, measured)
        return Line(chapter, outcome, at, measured)

    def _chapter(self, chapter: Chapter, outcome: Outcome, at: float, told: Told | None, measured: str) -> None:
        title = f"{chapter.number}  {chapter.title}"
        if told is None:
            self._print(f"\n{self._when(at)}  [bold yellow]{escape(title)}: {outcome}[/], {escape(measured)}\n")
            return
        self._print(f"\n{self._when(at)}  [bold]{escape(title)}[/]")
        for line in told.what:
            self._print(f"               {escape(line)}")
        self._print(f"               [green]measured[/]  {escape(told.measured)}")
        self._print(f"               [green]look[/]      {escape(told.look)}\n")

    def summary(self, lines: Sequence[Line]) -> None:
        """All chapters in a table."""
        table = Table("", "chapter", "when", "what was measured", box=None, pad_edge=False, title_justify="left")
        for line in lines:
            shown = line.measured if line.outcome is Outcome.TOLD else f"{line.outcome}: {line.measured}"
            table.add_row(str(line.chapter.number), line.chapter.title, self._when(line.at), escape(shown))
        self._out.print(table, highlight=False)


@contextlib.asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs them until the block ends; raises what one of them failed with."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end
