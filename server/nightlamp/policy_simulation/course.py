"""How far a simulation is, told while it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from nightlamp._core import Course

#: Called with what is being done, how far it is, and how far it goes.
Report = Callable[[str, int, int], None]
TELL_S = 0.5


@contextmanager
def reported(course: Course, what: str, report: Report) -> Iterator[None]:
    """Tells it twice a second while the block runs, and at its end. Leaving the block early stops the course."""
    over = Event()

    def tell() -> None:
        done, total = course.progress
        report(what, done, max(total, 1))

    def keep_telling() -> None:
        while not over.wait(TELL_S):
            tell()

    thread = Thread(target=keep_telling, name="course", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        course.stop()
        raise
    finally:
        over.set()
        thread.join()
    tell()
