"""Which steps of an alert a later one has overtaken: nobody is called about what is answered, nor told of what is over.

Who acknowledged or snoozed an alert has answered every call before; its clearing ends everything before. Remembered of
the newest `ALERTS_MAX` alerts with such a step.
"""

from collections import OrderedDict

from nightlamp.notify.event import Step

ALERTS_MAX = 20_000
#: Steps that ask for an answer, and those that are one.
CALLS = frozenset({"opened", "raised", "unsnoozed", "escalated", "reminded", "expired"})
ANSWERS = frozenset({"acknowledged", "snoozed"})
END = "cleared"


class Overtaken:
    """Told of every step, in whatever order."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, tuple[int, int]] = OrderedDict()
        """Alert to the cursors of its newest answer and of its end; 0 where there is none."""

    def note(self, step: Step) -> None:
        """A step has happened."""
        if step.kind != END and step.kind not in ANSWERS:
            return
        answered, ended = self._newest.pop(step.id, (0, 0))
        cursor = int(step.cursor)
        if step.kind == END:
            ended = max(ended, cursor)
        else:
            answered = max(answered, cursor)
        self._newest[step.id] = answered, ended
        if len(self._newest) > ALERTS_MAX:
            self._newest.popitem(last=False)

    def has(self, step: Step) -> bool:
        """Whether a later step has overtaken this one."""
        answered, ended = self._newest.get(step.id, (0, 0))
        cursor = int(step.cursor)
        return cursor < ended or (step.kind in CALLS and cursor < answered)
