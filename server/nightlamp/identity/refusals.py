"""Sign-ins that were refused: each counted by why, at most one audit line a second, so that guessing fills no disk."""

import time
from collections import Counter
from collections.abc import Callable

import structlog

from .roles import Principal

_log = structlog.get_logger("nightlamp.audit")
LINE_EVERY_S = 1.0


class RefusedSignIns:
    """Since the start of the server. What was shown, a token or a key, is never kept or told."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        #: `unknown`: no such token or key, or one used or too old; `no_person`: a key of a device or a system.
        self.counts = Counter({"unknown": 0, "no_person": 0})
        self._clock, self._line_s = clock, float("-inf")

    def note(self, key: Principal | None) -> None:
        """One more; `key` is whose it was, where it is known here but no person's."""
        self.counts["unknown" if key is None else "no_person"] += 1
        now = self._clock()
        if now - self._line_s < LINE_EVERY_S:
            return
        self._line_s = now
        who = {} if key is None else {"principal": key.id, "role": key.role}
        _log.warning("sign-in refused", **who, refused=self.counts.total())
