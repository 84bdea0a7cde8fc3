"""Refused sign-ins: every one is counted, lines are bounded."""

from typing import Any

import pytest

from nightlamp.identity import refusals
from nightlamp.identity.roles import Principal, Role


def test_every_refused_sign_in_is_counted_and_at_most_one_a_second_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, Any]] = []

    class Log:
        def warning(self, event: str, **told: Any) -> None:
            lines.append({"event": event, **told})

    monkeypatch.setattr(refusals, "_log", Log())
    now = 100.0
    refused = refusals.RefusedSignIns(lambda: now)
    for _ in range(1_000):
        refused.note(None)
    now += refusals.LINE_EVERY_S
    refused.note(Principal("k1", Role.DEVICE, frozenset(), None))
    assert refused.counts == {"unknown": 1_000, "no_person": 1}
    assert lines == [
        {"event": "sign-in refused", "refused": 1},
        {"event": "sign-in refused", "principal": "k1", "role": Role.DEVICE, "refused": 1_001},
    ]
