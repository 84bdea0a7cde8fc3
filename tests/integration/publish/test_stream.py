"""`/v1/stream` through a real server and a WebSocket client that nobody here wrote."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
from stream_server import Served, served, until
from ward_batches import Batch, alert, left, patient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from nightlamp.publish import AlertEntry, HistoryBehind, Hub, PublishLimits

Message = dict[str, Any]
BEARER = {"Authorization": "Bearer all-units"}
#: A client that takes no more off its socket than one message.
LAZY: dict[str, Any] = {"max_queue": 1, "ping_interval": None, "close_timeout": 0.1}


class Reader:
    """A client that has subscribed."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.waiting: list[Message] = []

    async def next(self, *types: str) -> Message:
        """The next message, or the next of these types."""
        while True:
            while not self.waiting:
                self.waiting = json.loads(await self.socket.recv())
            message = self.waiting.pop(0)
            if not types or message["type"] in types:
                return message

    async def until_ready(self) -> list[Message]:
        """From `subscribed` to the end of the snapshot, heartbeats aside."""
        messages = []
        while (message := await self.next())["type"] != "ready":
            if message["type"] not in ("hello", "beat"):
                messages.append(message)
        return messages

    async def until_closed(self) -> None:
        """Whatever still comes, to the end."""
        while True:
            await self.next("no such type")

    async def subscribe(self, units: list[str] | str = "*", **more: Any) -> None:
        patients = more.pop("patients", [])
        await self.socket.send(json.dumps({"subscribe": {"units": units, "patients": patients}, **more}))


def stream(url: str, **more: Any) -> connect:
    return connect(url, additional_headers=more.pop("headers", BEARER), proxy=None, **more)


async def test_nobody_enters_anonymously() -> None:
    async with served() as server:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic all-units"}):
            with pytest.raises(InvalidStatus) as refused:
                await stream(server.url, headers=headers)
            assert refused.value.response.status_code == 401
        with pytest.raises(InvalidStatus) as refused:
            await stream(server.url, origin="http://evil.example")
        assert refused.value.response.status_code == 403
        assert server.hub.stats.clients_accepted == 0


async def test_a_browser_may_bring_its_key_as_a_sub_protocol() -> None:
    async with served() as server:
        offered = ["nightlamp.v1", "bearer.all-units"]
        async with stream(server.url, headers={}, subprotocols=offered) as socket:
            assert socket.subprotocol == "nightlamp.v1"
            assert (await Reader(socket).next())["type"] == "hello"


async def test_snapshot_then_updates_then_departure() -> None:
    async with served() as server:
        server.hub.offer(Batch([patient(1, "p1"), patient(1, "p2", "B")]))
        async with stream(server.url) as socket:
            reader = Reader(socket)
            hello = await reader.next()
            assert hello["heartbeat_ms"] == 1_000
            assert abs(hello["at_ms"] - time.time() * 1_000) < 60_000
            assert hello["stream"] == "journal-a"
            await reader.subscribe("*")
            snapshot = await reader.until_ready()
            assert snapshot[0] == {"type": "subscribed", "resumed": False}
            assert {m["patient"] for m in snapshot[1:]} == {"p1", "p2"}
            server.hub.offer(Batch([patient(2, "p1", hr=120), alert(2, "p1")]))
            assert (await reader.next("patient", "alert"))["type"] == "alert"
            assert (await reader.next("patient"))["hr"] == 120
            server.hub.offer(Batch([left(3, "p1")]))
            assert (await reader.next("left"))["patient"] == "p1"


async def test_a_subscription_by_unit_or_patient_gets_nothing_else() -> None:
    async with served() as server, stream(server.url) as one, stream(server.url) as two:
        by_unit, by_patient = Reader(one), Reader(two)
        await by_unit.subscribe(["A"])
        await by_patient.subscribe([], patients=["p2"])
        await by_unit.until_ready(), await by_patient.until_ready()
        server.hub.offer(Batch([patient(2, p, u) for p, u in (("p1", "A"), ("p2", "B"), ("p3", "C"))]))
        server.hub.offer(Batch([alert(3, p, u, i) for i, (p, u) in enumerate((("p3", "C"), ("p2", "B"), ("p1", "A")))]))
        for reader, expected in ((by_unit, "p1"), (by_patient, "p2")):
            heard = [await reader.next("alert", "patient") for _ in range(2)]
            assert {(m["type"], m["patient"]) for m in heard} == {("alert", expected), ("patient", expected)}


async def test_a_key_scoped_to_units_sees_no_other() -> None:
    async with served() as server:
        server.hub.offer(Batch([patient(1, "p1", "ICU-1"), patient(1, "p2", "B")]))
        async with stream(server.url, headers={"Authorization": "Bearer icu-only"}) as socket:
            reader = Reader(socket)
            await reader.subscribe("*", patients=["p2"])
            assert [m["patient"] for m in (await reader.until_ready())[1:]] == ["p1"]


async def test_heartbeats_come_every_second_even_when_nothing_happens() -> None:
    async with served(limits=PublishLimits(heartbeat_s=0.05)) as server, stream(server.url) as socket:
        reader = Reader(socket)
        await reader.subscribe("*")
        beats = [await reader.next("beat") for _ in range(4)]
        assert beats[0]["at_ms"] < beats[3]["at_ms"]
        assert beats[3]["cursor"] is None
        assert beats[3]["data_ms"] is None
        server.hub.offer(Batch([patient(7, "p1")]))
        while (beat := await reader.next("beat"))["cursor"] is None:
            pass
        assert beat["cursor"] == str(7 << 16)
        assert beat["data_ms"] is not None


async def test_alerts_arrive_once_across_broken_connections() -> None:
    async with served(limits=PublishLimits(heartbeat_s=0.02)) as server:
        server.hub.offer(Batch([patient(1, "p1")]))
        seen: list[int] = []
        resume, seq = str(server.hub.cursor), 1
        for _ in range(5):
            async with stream(server.url) as socket:
                reader = Reader(socket)
                await reader.subscribe("*", resume=resume, stream="journal-a")
                server.hub.offer(Batch([alert(seq + 1), alert(seq + 2)]))
                seq += 2
                while not seen or seen[-1] < seq:
                    message = await reader.next("alert", "beat")
                    resume = message["cursor"]
                    if message["type"] == "alert":
                        seen.append(int(message["cursor"]) >> 16)
            server.hub.offer(Batch([patient(seq + 1, "p1"), alert(seq + 1), alert(seq + 2)]))
            seq += 2
        assert seen == list(range(2, seq - 1))


async def test_what_the_ring_no_longer_has_comes_from_the_store_in_pages() -> None:
    asked: list[tuple[int, int | None]] = []

    async def history(after: int, through: int | None, limit: int) -> Sequence[AlertEntry]:
        asked.append((after, through))
        rows = [AlertEntry(cursor, unit, patient_id, body) for _, unit, patient_id, cursor, body in stored]
        return [row for row in rows if row.cursor > after and (through is None or row.cursor <= through)][:limit]

    stored = [alert(seq, unit="A" if seq % 2 else "B") for seq in range(1, 61)]
    limits = PublishLimits(alert_ring_max=10, history_page_max=20)
    async with served(limits=limits, history=history) as server:
        server.hub.offer(Batch(stored))
        async with stream(server.url) as socket:
            reader = Reader(socket)
            await reader.subscribe(["A"], resume=str(4 << 16 | 1), stream="journal-a")
            assert (await reader.next("subscribed"))["resumed"]
            server.hub.offer(Batch([alert(61, unit="A"), alert(62, unit="B"), alert(63, unit="A")]))
            cursors = [int((await reader.next("alert"))["cursor"]) >> 16 for _ in range(30)]
        assert cursors == list(range(5, 64, 2))
        assert [after >> 16 for after, _ in asked] == [4, 24, 44]
        assert {through for _, through in asked} == {50 << 16 | 1}


@pytest.mark.parametrize(("key", "said"), [("no-words", ""), ("all-units", "Mrs Nightingale")])
async def test_what_people_wrote_is_blank_for_a_viewer_who_may_not_read_it(key: str, said: str) -> None:
    async def history(after: int, through: int | None, limit: int) -> Sequence[AlertEntry]:
        rows = [AlertEntry(cursor, unit, patient_id, body) for _, unit, patient_id, cursor, body in stored]
        return [row for row in rows if row.cursor > after and (through is None or row.cursor <= through)][:limit]

    stored = [alert(seq, note="Mrs Nightingale") for seq in range(1, 7)]
    async with served(limits=PublishLimits(alert_ring_max=2), history=history) as server:
        server.hub.offer(Batch(stored))
        async with stream(server.url, headers={"Authorization": f"Bearer {key}"}) as socket:
            reader = Reader(socket)
            await reader.subscribe("*", resume=str(1 << 16 | 1), stream="journal-a")
            assert [(await reader.next("alert"))["note"] for _ in range(5)] == [said] * 5, "from the store and the ring"
            await reader.next("ready")
            await reader.next("beat")
            server.hub.offer(Batch([alert(7, note="Mrs Nightingale"), patient(7, "p1", note="Mrs Nightingale")]))
            assert [(await reader.next("alert", "patient"))["note"] for _ in range(2)] == [said] * 2, "with others"


@pytest.mark.parametrize("failure", [HistoryBehind(), ConnectionError("the store is away")])
async def test_a_store_that_cannot_be_read_sends_the_client_away_rather_than_leaving_a_gap(failure: Exception) -> None:
    async def history(after: int, through: int | None, limit: int) -> Sequence[AlertEntry]:
        raise failure

    async with served(limits=PublishLimits(alert_ring_max=2), history=history) as server:
        server.hub.offer(Batch([alert(seq) for seq in range(1, 10)]))
        async with stream(server.url) as socket:
            reader = Reader(socket)
            await reader.subscribe("*", resume="70000", stream="journal-a")
            with pytest.raises(ConnectionClosed):
                await reader.next("alert")
            assert socket.close_code == 1013


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("no json", 1008),
        ('{"subscribe": {"units": 5}}', 1008),
        ('{"subscribe": {"units": "*"}, "resume": "12x"}', 1008),
        ('{"subscribe": {"units": "*"}, "unknown": 1}', 1008),
        ("[]", 1008),
        (b"\x00\x01", 1003),
        (json.dumps({"subscribe": {"units": ["u" * 150] * 200}}), 1009),
        (json.dumps({"subscribe": {"units": [str(i) for i in range(1_001)]}}), 1008),
    ],
)
async def test_a_message_that_is_not_understood_closes_with_a_reason(said: str | bytes, code: int) -> None:
    async with served() as server:
        async with stream(server.url) as socket:
            await socket.send(said)
            with pytest.raises(ConnectionClosed):
                await Reader(socket).until_closed()
            assert socket.close_code == code
            assert socket.close_reason
        assert server.hub.stats.clients_closed_invalid == 1


async def test_silence_instead_of_a_subscription_closes() -> None:
    async with served(limits=PublishLimits(subscribe_s_max=0.1)) as server, stream(server.url) as socket:
        await socket.wait_closed()
        assert socket.close_code == 1008


async def test_more_clients_than_places_are_refused_and_a_free_place_is_given_again() -> None:
    async with served(limits=PublishLimits(clients_max=1)) as server:
        async with stream(server.url):
            with pytest.raises(InvalidStatus) as refused:
                await stream(server.url)
            assert refused.value.response.status_code == 503
            assert refused.value.response.headers["Retry-After"]
        await until(lambda: server.hub.stats.clients == 0)
        async with stream(server.url) as socket:
            assert (await Reader(socket).next())["type"] == "hello"


async def test_p5_a_client_that_talks_too_fast_waits() -> None:
    """Its messages wait in its socket, one is read every `client_message_gap_s`; nothing of them is held here."""
    async with served(limits=PublishLimits(client_message_gap_s=0.2)) as server, stream(server.url) as socket:
        reader = Reader(socket)
        began = time.monotonic()
        await reader.subscribe([])
        await reader.until_ready()
        server.hub.offer(Batch([patient(1, "p1", unit="ICU-9")]))
        for _ in range(4):
            await reader.subscribe([])
        await reader.subscribe(["ICU-9"])
        assert (await reader.next("patient"))["patient"] == "p1"
        assert time.monotonic() - began >= 5 * 0.2


async def test_a_revoked_credential_ends_a_standing_connection() -> None:
    async with served(limits=PublishLimits(reauthenticate_s=0.05)) as server, stream(server.url) as socket:
        reader = Reader(socket)
        await reader.subscribe("*")
        await reader.until_ready()
        del server.keys["all-units"]
        with pytest.raises(ConnectionClosed):
            await reader.until_closed()
        assert socket.close_code == 1008


async def test_p6_a_credential_that_is_narrowed_ends_a_standing_connection_and_sees_less_on_the_next() -> None:
    async with served(limits=PublishLimits(reauthenticate_s=0.05)) as server:
        server.hub.offer(Batch([patient(1, "p1", "ICU-1"), patient(1, "p2", "B")]))
        async with stream(server.url) as socket:
            reader = Reader(socket)
            await reader.subscribe("*")
            assert {m["patient"] for m in (await reader.until_ready())[1:]} == {"p1", "p2"}
            server.keys["all-units"] = frozenset({"ICU-1"})
            with pytest.raises(ConnectionClosed):
                await reader.until_closed()
            assert (socket.close_code, socket.close_reason) == (1008, "the credential has changed")
        async with stream(server.url) as socket:
            reader = Reader(socket)
            await reader.subscribe("*")
            assert {m["patient"] for m in (await reader.until_ready())[1:]} == {"p1"}


async def test_a_stalled_client_holds_nobody_up_and_is_let_go() -> None:
    limits = PublishLimits(client_alerts_max=100, close_s_max=0.1)
    async with served(limits=limits) as server, stream(server.url, **LAZY) as stalled, stream(server.url) as socket:
        await Reader(stalled).subscribe("*")
        reader = Reader(socket)
        await reader.subscribe("*")
        await reader.until_ready()
        note, seq = "x" * 60_000, 1
        while not server.hub.stats.clients_closed_slow:
            server.hub.offer(Batch([alert(seq, note=note)]))
            assert int((await reader.next("alert"))["cursor"]) >> 16 == seq
            seq += 1
        await until(lambda: server.hub.stats.clients == 1)
        await until(lambda: (len(server.connections), server.sockets) == (1, 1))
        server.hub.offer(Batch([alert(seq)]))
        assert int((await reader.next("alert"))["cursor"]) >> 16 == seq


async def test_p5_a_stalled_client_gives_its_place_back_also_where_nothing_but_states_is_sent() -> None:
    limits = PublishLimits(clients_max=1, heartbeat_s=60.0)
    async with served(limits=limits, write_timeout_s=0.3) as server, stream(server.url, **LAZY) as stalled:
        await Reader(stalled).subscribe("*")
        await _stall(server)
        await until(lambda: (server.hub.stats.clients, len(server.connections), server.sockets) == (0, 0, 0))
        async with stream(server.url) as socket:
            assert (await Reader(socket).next())["type"] == "hello"


async def test_p5_pings_of_a_client_that_does_not_read_pile_up_no_answers_and_the_newest_gets_one() -> None:
    async with served(limits=PublishLimits(heartbeat_s=60.0)) as server, stream(server.url, **LAZY) as stalled:
        reader = Reader(stalled)
        await reader.subscribe("*")
        await _stall(server)
        (line,) = server.connections
        waiting = line.transport.get_write_buffer_size()
        ping = b"\x89\xfd\0\0\0\0" + b"p" * 125
        for _ in range(100):
            stalled.transport.write(ping * 500)
            await until(lambda: not stalled.transport.get_write_buffer_size())
        answered = await stalled.ping(b"newest")
        await until(lambda: b"newest" in line._pong)
        assert line.transport.get_write_buffer_size() == waiting
        reading = asyncio.create_task(reader.until_closed())
        await answered
        reading.cancel()


async def _stall(server: Served) -> None:
    """Offer states until the one client, who does not read, takes no more of them."""
    await until(lambda: server.hub._feeds)
    (line,), seq = server.connections, 0
    while line.has_room:
        seq += 1
        server.hub.offer(Batch([patient(seq, "p1", note="x" * 500_000)]))
        await asyncio.sleep(0.002)


async def test_p5_who_does_not_read_leaves_the_feed_and_the_others_get_every_state() -> None:
    """Three consoles of one subscription: what is new is framed once; the stalled one is written to alone."""
    limits = PublishLimits(heartbeat_s=60.0, close_s_max=0.1)
    async with served(limits=limits) as server, stream(server.url, **LAZY) as stalled:
        await Reader(stalled).subscribe("*")
        async with stream(server.url) as first, stream(server.url) as second:
            readers = [Reader(first), Reader(second)]
            for reader in readers:
                await reader.subscribe("*")
                await reader.until_ready()
            note, seq, stats = "x" * 60_000, 0, server.hub.stats
            while not stats.patients_conflated:
                seq += 1
                server.hub.offer(Batch([patient(seq, "p1", note=note)]))
                for reader in readers:
                    assert (await reader.next("patient"))["at_ms"] == seq
            writes = stats.stream_writes
            server.hub.offer(Batch([patient(seq + 1, "p1")]))
            for reader in readers:
                assert (await reader.next("patient"))["at_ms"] == seq + 1
            assert stats.stream_writes == writes + 2


async def test_many_small_batches_are_gathered_and_an_alert_does_not_wait_for_them() -> None:
    limits = PublishLimits(patient_gap_s=30.0, heartbeat_s=60.0)
    async with served(limits=limits, framed=False) as server, stream(server.url) as socket:
        reader = Reader(socket)
        await reader.subscribe("*")
        await reader.until_ready()
        server.hub.offer(Batch([patient(1, "p1")]))
        await reader.next("patient")
        writes = server.hub.stats.stream_writes
        for seq in range(2, 12):
            server.hub.offer(Batch([patient(seq, f"p{seq}")]))
            await asyncio.sleep(0.01)
        assert server.hub.stats.stream_writes == writes
        server.hub.offer(Batch([alert(12)]))
        assert (await reader.next())["type"] == "alert"
        assert [(await reader.next())["patient"] for _ in range(10)] == [f"p{seq}" for seq in range(2, 12)]


async def test_another_server_of_the_same_journal_resumes_where_the_first_died() -> None:
    first = Hub("journal-a", limits=PublishLimits(heartbeat_s=0.02))
    async with served(hub=first) as server, stream(server.url) as socket:
        reader = Reader(socket)
        await reader.subscribe("*")
        await reader.until_ready()
        first.offer(Batch([alert(10), alert(11)]))
        cursors = [(await reader.next("alert"))["cursor"] for _ in range(2)]
    second = Hub("journal-a")
    second.offer(Batch([patient(9, "p1"), alert(10)]))
    async with served(hub=second) as server, stream(server.url) as socket:
        reader = Reader(socket)
        await reader.subscribe("*", resume=cursors[-1], stream="journal-a")
        await reader.until_ready()
        second.offer(Batch([alert(11), alert(12)]))
        assert int((await reader.next("alert"))["cursor"]) >> 16 == 12
