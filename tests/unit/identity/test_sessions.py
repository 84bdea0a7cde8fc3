"""Console tokens open one session once and in time; sessions end."""

import json
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from nightlamp.errors import Problem
from nightlamp.identity import sessions
from nightlamp.identity.access import Access
from nightlamp.identity.keys import KeyFile
from nightlamp.identity.roles import Principal, Role
from nightlamp.identity.sessions import COOKIE, Sessions

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


def test_sessions_outlive_the_process_and_the_file_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "sessions.json"
    table = Sessions(60, 600, path=file)
    ward = Principal("nurse-key", Role.NURSE, frozenset(), frozenset({"ICU-1"}))
    session = table.open(ward)
    table.keep()
    assert file.stat().st_mode & 0o777 == 0o600
    assert session not in file.read_text()
    again = Sessions(60, 600, path=file)
    assert again.principal(session) == ward
    assert again.principal(json.loads(file.read_text())["sessions"][0]["sha256"]) is None
    again.end(session)
    again.keep()
    assert Sessions(60, 600, path=file).principal(session) is None


def test_a_session_that_was_kept_ends_in_time_and_lives_no_longer_than_a_new_one(tmp_path: Path) -> None:
    clock = Clock()
    table = Sessions(60, 600, clock, tmp_path / "sessions.json")
    session = table.open(NURSE)
    table.keep()
    clock.now = 599
    assert Sessions(60, 600, clock, tmp_path / "sessions.json").principal(session) == NURSE
    assert Sessions(60, 0.5, clock, tmp_path / "sessions.json").principal(session) is None
    clock.now = 601
    assert Sessions(60, 600, clock, tmp_path / "sessions.json").principal(session) is None


@pytest.mark.parametrize("content", ["", "{}", '{"version": 1, "sessions": [{"sha256": "xyz"}]}', "\x00\xff"])
def test_a_damaged_file_signs_everybody_out_and_stops_nobody(tmp_path: Path, content: str) -> None:
    file = tmp_path / "sessions.json"
    file.write_text(content)
    table = Sessions(60, 600, path=file)
    session = table.open(NURSE)
    table.keep()
    assert Sessions(60, 600, path=file).principal(session) == NURSE


def test_a_session_ends_with_the_key_it_came_from(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    key, _ = keys.create(Role.NURSE)
    access = Access(keys, Sessions(60, 600))
    session = access.sessions.open(key.principal)
    connection = HTTPConnection({"type": "http", "headers": [(b"cookie", f"{COOKIE}={session}".encode())]})
    assert access.principal(connection).id == key.id
    assert access.principal(connection).units is None
    # A key that is narrowed by hand narrows what was opened with it.
    file = tmp_path / "keys.json"
    file.write_text(file.read_text().replace('"units": null', '"units": ["ICU-1"]'))
    keys.refresh()
    assert access.principal(connection).units == frozenset({"ICU-1"})
    keys.revoke(key.id)
    with pytest.raises(Problem):
        access.principal(connection)


def test_a_session_nobody_uses_ends_and_one_in_use_goes_on() -> None:
    clock = Clock()
    table = Sessions(60, 36_000, clock, idle_s=900)
    used, left = table.open(NURSE), table.open(NURSE)
    for minute in range(30):
        clock.now = 60.0 * minute
        table.touch(used)
        # To be asked about is no use: an open page asks by itself.
        table.principal(left)
    assert table.principal(used) == NURSE
    assert table.principal(left) is None
    assert table.touch(left) is False
    assert table.principal(left) is None


def test_without_an_idle_limit_a_screen_on_a_wall_stays_signed_in() -> None:
    clock = Clock()
    table = Sessions(60, 36_000, clock, idle_s=0)
    wall = table.open(NURSE)
    clock.now = 35_999
    assert table.principal(wall) == NURSE


def test_a_restart_knows_when_a_session_was_last_used(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "sessions.json"

    def start() -> Sessions:
        return Sessions(60, 36_000, clock, file, idle_s=900)

    table = start()
    used, left = table.open(NURSE), table.open(NURSE)
    table.keep()
    clock.now = 10.0
    assert table.touch(used) is False, "the file is written once a minute at most"
    clock.now = 600.0
    assert table.touch(used) is True
    table.keep()
    clock.now = 1_300.0
    again = start()
    assert again.principal(used) == NURSE
    assert again.principal(left) is None
    # A file of before says nothing of use: that counts from the start.
    said = json.loads(file.read_text())
    for one in said["sessions"]:
        del one["seen_s"]
    file.write_text(json.dumps(said))
    clock.now = 2_000.0
    assert start().principal(used) == NURSE
