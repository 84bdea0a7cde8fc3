"""Messages that wait for one channel: the most urgent first, then the oldest; bounded.

Full: the oldest of the least urgent gives way, the newcomer itself where nothing less urgent waits.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nightlamp.notify.event import Step

#: Most urgent first. A dead channel matters more than a low alert.
URGENCY = ("high", "medium", "technical", "low")


@dataclass(slots=True, eq=False)
class Job:
    """One step on its way to one channel."""

    step: Step
    channel: str
    attempts: int = 0
    not_before_s: float = 0.0
    """Monotonic time of the next attempt at the earliest."""
    error: str = ""
    """Class of the newest failure."""

    @property
    def key(self) -> tuple[int, int, str]:
        """What names it in the database: frame, place in it, channel."""
        return self.step.seq, self.step.ordinal, self.channel


class Waiting:
    """The queue of one channel."""

    def __init__(self, jobs_max: int) -> None:
        self._jobs_max = jobs_max
        self._lanes: dict[str, deque[Job]] = {severity: deque() for severity in URGENCY}

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def __iter__(self) -> Iterator[Job]:
        for lane in self._lanes.values():
            yield from lane

    def put(self, job: Job) -> Job | None:
        """Queue a job; the one that gave way, if there was no room."""
        self._lane(job).append(job)
        if len(self) <= self._jobs_max:
            return None
        return next(lane for lane in reversed(self._lanes.values()) if lane).popleft()

    def pop(self, now_s: float) -> Job | None:
        """The most urgent job that may be tried now."""
        for lane in self._lanes.values():
            for place, job in enumerate(lane):
                if job.not_before_s <= now_s:
                    del lane[place]
                    return job
        return None

    def next_at_s(self) -> float | None:
        """Monotonic time when a job may be tried; None where none waits."""
        return min((job.not_before_s for job in self), default=None)

    def take_out(self, unwanted: Callable[[Job], bool]) -> list[Job]:
        """Remove the jobs for which `unwanted` holds."""
        found = [job for job in self if unwanted(job)]
        for job in found:
            self._lane(job).remove(job)
        return found

    def _lane(self, job: Job) -> deque[Job]:
        return self._lanes.get(job.step.severity, self._lanes["medium"])
