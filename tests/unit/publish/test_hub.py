"""The hub tells everybody the newest of everything, and every alert once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ward_batches import Batch, alert, left, patient

from nightlamp.publish.client import Client, Subscription
from nightlamp.publish.hub import Hub
from nightlamp.publish.limits import PublishLimits

ALL = Subscription(everything=True)
LIMITS = PublishLimits(client_alerts_max=50, alert_ring_max=20)


class Attentive:
    """A line that always has room."""

    has_room = True

    def write_frames(self, frames: bytes) -> None:
        """Taken."""


def hub() -> Hub:
    return Hub("journal-a", limits=LIMITS)


def taken(client: Client, target: int = 1 << 20) -> list[dict[str, object]]:
    out: list[dict[str, object]] = []
    while bodies := client.take(target):
        out += [json.loads(body) for body in bodies]
    return out


def cursors(messages: list[dict[str, object]]) -> list[int]:
    return [int(str(m["cursor"])) >> 16 for m in messages if m["type"] == "alert"]


def test_a_new_client_gets_the_newest_state_of_every_present_patient() -> None:
    h = hub()
    h.offer(Batch([patient(1, "p1"), patient(2, "p2"), patient(3, "p1", hr=99), left(4, "p2")]))
    with h.attached(ALL, None, None) as client:
        [state] = taken(client)
    assert state["patient"] == "p1"
    assert state["hr"] == 99


def test_a_slow_client_reads_the_newest_state_only_and_the_count_says_so() -> None:
    h = hub()
    with h.attached(ALL, None, None) as client:
        for seq in range(1, 11):
            h.offer(Batch([patient(seq, "p1"), patient(seq, "p2")]))
        states = taken(client)
    assert [(s["patient"], s["at_ms"]) for s in states] == [("p1", 10), ("p2", 10)]
    assert h.stats.patients_conflated == 18


def test_a_state_that_changes_between_two_writes_is_not_sent_old_after_new() -> None:
    h = hub()
    with h.attached(ALL, None, None) as client:
        h.offer(Batch([patient(1, "p1"), patient(1, "p2"), patient(1, "p3")]))
        first = [json.loads(b) for b in client.take(1)]
        h.offer(Batch([patient(2, "p2"), patient(2, "p1")]))
        rest = taken(client)
    assert [s["patient"] for s in first] == ["p1"]
    assert [(s["patient"], s["at_ms"]) for s in rest] == [("p3", 1), ("p2", 2), ("p1", 2)]


def test_alerts_are_never_conflated_and_come_before_states() -> None:
    h = hub()
    with h.attached(ALL, None, None) as client:
        for seq in range(1, 31):
            h.offer(Batch([patient(seq, "p1"), alert(seq)]))
        messages = taken(client, target=200)
    assert cursors(messages) == list(range(1, 31))
    assert messages[-1]["type"] == "patient"


def test_a_client_with_too_many_unread_alerts_is_closed_with_1013_and_resumes_without_gap() -> None:
    h = Hub("journal-a", limits=PublishLimits(client_alerts_max=5, alert_ring_max=100))
    with h.attached(ALL, None, None) as client:
        h.offer(Batch([alert(1), alert(2)]))
        seen = cursors(taken(client))
        h.offer(Batch([alert(seq) for seq in range(3, 10)]))
        assert client.closing is not None
        assert client.closing[0] == 1013
        assert client.closed.is_set()
        assert taken(client) == []
        resume = client.sent
    assert h.stats.clients_closed_slow == 1
    with h.attached(ALL, resume, "journal-a") as client:
        seen += cursors(taken(client))
    assert seen == list(range(1, 10))


def test_a_subscription_by_unit_sees_a_transfer_as_a_departure_and_an_arrival() -> None:
    h = hub()
    with (
        h.attached(Subscription(units=frozenset({"A"})), None, None) as a,
        h.attached(Subscription(units=frozenset({"B"})), None, None) as b,
        h.attached(Subscription(units=frozenset({"A", "B"})), None, None) as both,
        h.attached(Subscription(patients=frozenset({"p1"})), None, None) as one,
    ):
        h.offer(Batch([patient(1, "p1", "A")]))
        assert [m["type"] for m in taken(a)] == ["patient"]
        assert taken(b) == []
        taken(both), taken(one)
        h.offer(Batch([patient(2, "p1", "B")]))
        assert [(m["type"], m["unit"]) for m in taken(a)] == [("left", "A")]
        for client in (b, both, one):
            assert [(m["type"], m["unit"]) for m in taken(client)] == [("patient", "B")]
        h.offer(Batch([patient(3, "p1", "A"), patient(4, "p1", "B"), patient(5, "p1", "A")]))
        assert [(m["type"], m["at_ms"]) for m in taken(a)] == [("patient", 5)]
        assert [m["type"] for m in taken(b)] == ["left"]
        assert [(m["type"], m["at_ms"]) for m in taken(both)] == [("patient", 5)]


def test_a_credential_scoped_to_units_never_sees_another_unit() -> None:
    h = hub()
    h.offer(Batch([patient(1, "p1", "A"), patient(1, "p2", "B")]))
    wish = Subscription(everything=True, patients=frozenset({"p2"})).within(frozenset({"A"}))
    with h.attached(wish, None, None) as client:
        h.offer(Batch([patient(2, "p2", "B"), alert(2, "p2", "B"), alert(3, "p1", "A")]))
        messages = taken(client)
    assert {m["unit"] for m in messages} == {"A"}
    assert cursors(messages) == [3]


def test_a_trouble_of_no_unit_is_told_to_the_people_of_every_unit_and_a_patient_of_none_to_nobody_else() -> None:
    h = hub()
    bound = Subscription(everything=True).within(frozenset({"A"}))
    single = Subscription(patients=frozenset({"p1"})).within(frozenset({"A"}))
    with (
        h.attached(bound, None, None) as nurse,
        h.attached(single, None, None) as one,
        h.attached(ALL, None, None) as all_,
    ):
        h.offer(Batch([alert(1, "", ""), alert(2, "p9", ""), alert(3, "", "B"), alert(4, "p1", "A")]))
        assert [cursors(taken(client)) for client in (nurse, one, all_)] == [[1, 4], [4], [1, 2, 3, 4]]
    with h.attached(bound, 0, "journal-a") as back:
        assert cursors(taken(back)) == [1, 4]


def test_a_cursor_older_than_the_ring_needs_the_store() -> None:
    h = hub()
    h.offer(Batch([alert(seq) for seq in range(1, 31)]))
    with h.attached(ALL, 5 << 16 | 1, "journal-a") as client:
        assert client.history_needed
        assert client.history_through == 10 << 16 | 1
        assert cursors(taken(client)) == list(range(11, 31))
    with h.attached(ALL, 10 << 16 | 1, "journal-a") as client:
        assert not client.history_needed
        assert cursors(taken(client)) == list(range(11, 31))


def test_after_a_restart_what_was_before_comes_from_the_store() -> None:
    h = hub()
    h.offer(Batch([patient(100, "p1"), alert(101)]))
    with h.attached(ALL, 7 << 16, "journal-a") as client:
        assert client.history_needed
        assert client.history_through == (100 << 16) - 1


def test_the_states_shown_at_a_start_do_not_hide_that_alerts_are_only_in_the_store() -> None:
    h = hub()
    h.offer(Batch([patient(0, "p1"), patient(0, "p2")]))
    with h.attached(ALL, 7 << 16, "journal-a") as client:
        assert client.history_needed
        assert client.history_through is None
    h.offer(Batch([patient(100, "p1")]))
    with h.attached(ALL, 7 << 16, "journal-a") as client:
        assert client.history_needed
        assert client.history_through == (100 << 16) - 1


def test_a_replay_after_a_restart_repeats_no_alert() -> None:
    h = hub()
    with h.attached(ALL, 3 << 16 | 1, "journal-a") as client:
        h.offer(Batch([alert(2), alert(3), alert(4)]))
        h.offer(Batch([alert(3), alert(4), alert(5)]))
        assert cursors(taken(client)) == [4, 5]
    assert h.stats.alerts_repeated == 2


@pytest.mark.parametrize(("stream", "cursor"), [("journal-b", 1 << 16), (None, 999 << 16)])
def test_a_cursor_of_another_journal_starts_anew(stream: str | None, cursor: int) -> None:
    h = hub()
    h.offer(Batch([patient(50, "p1"), alert(50)]))
    with h.attached(ALL, cursor, stream) as client:
        assert not client.resumed
        assert not client.history_needed
        h.offer(Batch([alert(51)]))
        assert cursors(taken(client)) == [51]
    assert h.stats.resumes_refused == 1


def test_another_subscription_replaces_what_waits() -> None:
    h = hub()
    h.offer(Batch([patient(1, "p1", "A"), patient(1, "p2", "B")]))
    with h.attached(Subscription(units=frozenset({"A"})), None, None) as client:
        wanted = Subscription(units=frozenset({"B"}))
        client.resubscribe(wanted, h.matching(wanted))
        h.offer(Batch([patient(2, "p1", "A"), patient(2, "p2", "B")]))
        assert [(m["patient"], m["at_ms"]) for m in taken(client)] == [("p2", 2)]


@given(st.data())
def test_whatever_the_interruptions_every_alert_arrives_once_and_in_order(data: st.DataObject) -> None:
    h = Hub("journal-a", limits=PublishLimits(client_alerts_max=7, alert_ring_max=1_000))
    h.offer(Batch([patient(1, "p1")]))
    seq, seen, resume = 1, [], h.cursor
    for _ in range(data.draw(st.integers(1, 8))):
        with h.attached(ALL, resume, "journal-a") as client:
            for burst in data.draw(st.lists(st.integers(0, 9), max_size=5)):
                h.offer(Batch([alert(seq + i + 1) for i in range(burst)]))
                seq += burst
                if data.draw(st.booleans()):
                    seen += cursors([json.loads(b) for b in client.take(data.draw(st.integers(1, 400)))])
            resume = client.sent
    with h.attached(ALL, resume, "journal-a") as client:
        seen += cursors(taken(client))
    assert seen == list(range(2, seq + 1))


async def test_p5_subscriptions_that_were_left_are_forgotten_also_while_the_ward_is_quiet() -> None:
    h = hub()
    with h.attached(ALL, None, None) as client:
        for number in range(20):
            wanted = Subscription(units=frozenset({f"U{number}"}))
            client.resubscribe(wanted, h.matching(wanted))
            h.join(client, Attentive())
            assert len(h._feeds) == 1
    assert not h._feeds
