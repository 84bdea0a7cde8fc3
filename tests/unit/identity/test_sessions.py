"""Console tokens open one session once and in time; sessions end."""

from nightlamp.identity import sessions
from nightlamp.identity.roles import Principal, Role
from nightlamp.identity.sessions import Sessions

NURSE = Principal("key", Role.NURSE, frozenset(), None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_opens_one_session_once() -> None:
    table = Sessions(60, 600)
    token = table.issue(NURSE)
    session = table.exchange(token)
    assert session is not None
    assert table.principal(session) == NURSE
    assert table.exchange(token) is None
    table.end(session)
    assert table.principal(session) is None


def test_tokens_and_sessions_end_in_time() -> None:
    clock = Clock()
    table = Sessions(60, 600, clock)
    late = table.issue(NURSE)
    session = table.exchange(table.issue(NURSE))
    assert session is not None
    clock.now = 61
    assert table.exchange(late) is None
    assert table.principal(session) == NURSE
    clock.now = 601
    assert table.principal(session) is None


def test_the_tables_are_bounded() -> None:
    table = Sessions(60, 600)
    first = table.issue(NURSE)
    for _ in range(sessions.TOKENS_MAX):
        table.issue(NURSE)
    assert table.exchange(first) is None
