"""Bars for the commands that take long, apart from the terminal because only they need them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from .terminal import err


@contextmanager
def progress(terminal_only: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """Bars on standard error: call what it gives with what is being done, how far it is, and how far it goes.

    With `terminal_only` a log or a mail of a timer shows none.
    """
    columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=terminal_only and not err.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield report
