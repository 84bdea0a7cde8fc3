"""How fast and how often: back-off with jitter, and at most so many attempts in any minute."""

import random
from collections import deque

MINUTE_S = 60.0


def backoff_s(failures: int, least_s: float, most_s: float) -> float:
    """Pause after so many failures in a row: doubling from `least_s` to `most_s`, up to half of it left out at random.

    The jitter keeps channels and servers that failed together from coming back together.
    """
    full = min(most_s, least_s * 2.0 ** min(failures - 1, 60))
    return full * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)


class Rate:
    """At most `per_minute` in any 60 seconds."""

    def __init__(self, per_minute: int) -> None:
        self._at_s: deque[float] = deque(maxlen=per_minute)

    def free_at_s(self) -> float:
        """Monotonic time from which the next is allowed."""
        return self._at_s[0] + MINUTE_S if len(self._at_s) == self._at_s.maxlen else 0.0

    def note(self, now_s: float) -> None:
        """One was made."""
        self._at_s.append(now_s)
