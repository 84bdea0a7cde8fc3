"""Messages that wait for one channel: the most urgent first, then the oldest; bounded.

Of one alert the oldest first: where a newer step of it is more urgent or may be tried sooner, the older one goes in its
place. One that failed `HOLDING_ATTEMPTS` times lets newer ones pass: a service may refuse its text for good.
Full: the oldest of the least urgent gives way, the newcomer itself where nothing less urgent waits.
"""

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nightlamp.notify.event import Step

#: Most urgent first. A dead channel matters more than a low alert.
URGENCY = ("high", "medium", "technical", "low")
#: A step that failed so often no longer holds back the later ones of its alert.
HOLDING_ATTEMPTS = 5


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
    overtaken: bool = False
    """A later step came while it was under way: it is not tried again."""

    @property
    def key(self) -> tuple[int, int, str]:
        """What names it in the database: frame, place in it, channel."""
        return self.step.seq, self.step.ordinal, self.channel


def _place(job: Job) -> int:
    """Where its step stands in the alert's life."""
    return int(job.step.cursor)


class Waiting:
    """The queue of one channel."""

    def __init__(self, jobs_max: int) -> None:
        self._jobs_max = jobs_max
        self._lanes: dict[str, deque[Job]] = {severity: deque() for severity in URGENCY}
        self._alerts: dict[str, list[Job]] = {}
        """By alert, in the order of its life."""

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def __iter__(self) -> Iterator[Job]:
        for lane in self._lanes.values():
            yield from lane

    def put(self, job: Job, instead_of: Sequence[Job] = ()) -> Job | None:
        """Queue a job, at the place of those it replaces, which leave; the one that gave way, if there was no room."""
        lane = self._lane(job)
        place = min((lane.index(one) for one in instead_of if one in lane), default=len(lane))
        self.remove(instead_of)
        lane.insert(place, job)
        insort(self._alerts.setdefault(job.step.id, []), job, key=_place)
        if len(self) <= self._jobs_max:
            return None
        gave_way = next(lane for lane in reversed(self._lanes.values()) if lane)[0]
        self._remove(gave_way)
        return gave_way

    def pop(self, now_s: float) -> Job | None:
        """The most urgent job that may be tried now, or another of its alert in its place."""
        for lane in self._lanes.values():
            for job in lane:
                if job.not_before_s <= now_s:
                    first = self._first(self._alerts[job.step.id], now_s)
                    self._remove(first)
                    return first
        return None

    @staticmethod
    def _first(jobs: list[Job], now_s: float) -> Job:
        """Which of an alert's jobs is tried now that one of them may be."""
        ready = [job.not_before_s <= now_s for job in jobs]
        for place, job in enumerate(jobs):
            if job.attempts < HOLDING_ATTEMPTS and any(ready[place:]):
                return job
        return jobs[ready.index(True)]

    def next_at_s(self) -> float | None:
        """Monotonic time when a job may be tried; None where none waits."""
        return min((job.not_before_s for job in self), default=None)

    def about(self, alert_id: str) -> list[Job]:
        """The jobs about one alert, the oldest step first."""
        return list(self._alerts.get(alert_id, ()))

    def take_out(self, unwanted: Callable[[Job], bool]) -> list[Job]:
        """Remove the jobs for which `unwanted` holds."""
        found = [job for job in self if unwanted(job)]
        for job in found:
            self._remove(job)
        return found

    def remove(self, jobs: Iterable[Job]) -> None:
        """Remove these jobs; all of them wait."""
        for job in jobs:
            self._remove(job)

    def _remove(self, job: Job) -> None:
        self._lane(job).remove(job)
        jobs = self._alerts[job.step.id]
        jobs.remove(job)
        if not jobs:
            del self._alerts[job.step.id]

    def _lane(self, job: Job) -> deque[Job]:
        return self._lanes.get(job.step.severity, self._lanes["medium"])
