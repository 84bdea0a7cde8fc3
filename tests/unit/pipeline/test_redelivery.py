"""P2: every message one to five times, in any order and door, over a crash: rows once, the same answer again."""

import json
import re
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redelivering_route import MQTT_HL7, MQTT_JSON, Delivery, Route

from nightlamp._core import Decoder
from nightlamp.receive.door import Source

NOW = datetime.now(UTC).replace(microsecond=0)
#: A doubtful value lies this far ahead: a dead letter, told in the answer.
AHEAD = timedelta(hours=1)


@dataclass(frozen=True)
class Message:
    """A message with an id of its own; `value` is what a conflicting one changes."""

    kind: str
    number: int
    value: int = 72
    doubtful: bool = False

    def deliveries(self, stamp: int) -> list[Delivery]:
        """The same message through every door it fits, as its sender may write it the `stamp`th time."""
        if self.kind == "hl7":
            payload = self._hl7(stamp).encode()
            return [Delivery(Source.HL7_HTTP, payload), Delivery(MQTT_HL7, payload, "ICU/7")]
        payload = json.dumps(self._json()).encode()
        if self.kind == "key":
            return [Delivery(Source.JSON_HTTP, payload, f"{self.number:032x}")]
        return [Delivery(Source.JSON_HTTP, payload), Delivery(MQTT_JSON, payload, "ICU/7")]

    def _hl7(self, stamp: int) -> str:
        def dtm(at: datetime) -> str:
            return at.strftime("%Y%m%d%H%M%S+0000")

        sent = dtm(NOW + timedelta(seconds=stamp))
        rows = [("8867-4", self.value, NOW - timedelta(seconds=self.number + 1))]
        rows += [("9279-1", 14, NOW + AHEAD + timedelta(seconds=self.number))] * self.doubtful
        obx = [f"OBX|{n}|NM|{code}^^LN||{v}|/min|||||F|||{dtm(at)}" for n, (code, v, at) in enumerate(rows, 1)]
        head = rf"MSH|^~\&|EHR|HOSP|NL||{sent}||ORU^R01|M{self.number}|P|2.5.1"
        return "\r".join([head, "PID|1||A^^^HOSP^MR", "OBR|1|||V", *obx, ""])

    def _json(self) -> dict[str, object]:
        row = {"code": "8867-4", "value": self.value, "unit": "/min"}
        rows = [row | {"time": (NOW - timedelta(seconds=self.number + 1)).isoformat()}]
        if self.doubtful:
            rows.append(row | {"time": (NOW + AHEAD + timedelta(seconds=self.number)).isoformat()})
        named = {"id": f"m{self.number}", "device": "monitor"} if self.kind == "json" else {}
        return {**named, "patient": {"authority": self.kind, "identifier": "A"}, "observations": rows}


@st.composite
def _traffic(draw: st.DrawFn) -> tuple[list[Message], list[Delivery | str], list[Message]]:
    """Messages of different ids; what is sent in order, with where the server dies or stores; whose each copy is."""
    kinds = draw(st.lists(st.sampled_from(["hl7", "json", "key", "bytes"]), min_size=1, max_size=6))
    messages = [Message(kind, number, doubtful=draw(st.booleans())) for number, kind in enumerate(kinds)]
    rivals = [m for m in messages if m.kind != "bytes" and draw(st.booleans())]
    wanted = messages + [Message(m.kind, m.number, m.value + 1, m.doubtful) for m in rivals]
    copies = [one for one in wanted for _ in range(draw(st.integers(1, 5)))]
    copies = draw(st.permutations(copies))
    sent: list[Delivery | str] = []
    for stamp, one in enumerate(copies):
        sent.append(draw(st.sampled_from(one.deliveries(stamp))))
    for event in ("die", "store"):
        sent.insert(draw(st.integers(0, len(sent))), event)
    return messages, sent, list(copies)


@given(_traffic())
@settings(max_examples=40, deadline=None)
def test_p2_copies_of_messages_give_rows_once_and_the_same_answer_and_a_conflict_never_overwrites(
    traffic: tuple[list[Message], list[Delivery | str], list[Message]],
) -> None:
    messages, sent, copies = traffic
    answers: dict[Message, set[str]] = {}
    first: dict[tuple[str, int], Message] = {}
    with tempfile.TemporaryDirectory() as folder:
        route = Route(Path(folder))
        try:
            whose = iter(copies)
            for one in sent:
                if isinstance(one, str):
                    route.restart() if one == "die" else route.store()
                    continue
                message = next(whose)
                held = first.setdefault((message.kind, message.number), message)
                answer = route.deliver(one)
                if one.by_http:
                    answers.setdefault(message, set()).add(answer)
                    assert ("duplicate_conflict" in answer) == (held != message), answer
            route.store()
            values = route.rows("observations", "patient_id", "signal_id", "observed_at")
            letters = route.rows("dead_letters", "reason", "raw")
        finally:
            route.close()
    assert all(len(said) == 1 for said in answers.values()), answers
    assert sorted(values.values()) == [1] * len(messages)
    conflicts = len(set(copies)) - len(messages)
    doubtful = sum(m.doubtful for m in messages)
    assert sum(n for (reason, _), n in letters.items() if reason == b"duplicate_conflict") == conflicts
    assert sum(n for (reason, _), n in letters.items() if reason == b"future_time") == doubtful
    assert sum(letters.values()) == conflicts + doubtful


def _beat(number: int, value: int = 72) -> Delivery:
    return Message("json", number, value).deliveries(0)[0]


def test_p2_a_copy_older_than_the_memory_of_ids_is_still_no_second_row_while_the_window_holds_its_time(
    tmp_path: Path,
) -> None:
    """Behind `message_ids_max` messages the window's rule is left: the same value at the same time changes nothing."""
    route = Route(tmp_path, message_ids_max=4)
    try:
        for number in range(8):
            route.deliver(_beat(number))
        route.deliver(_beat(7))
        assert route.counted()["frames_repeated"] == 1
        route.deliver(_beat(0))
        counted = route.counted()
        assert (counted["frames_repeated"], counted["observations_repeated"]) == (1, 1), (
            "new to the memory, not to the window"
        )
        # And another value under an id that is forgotten is a new message: it replaces, as a late correction does.
        route.deliver(_beat(1, 99))
        route.store()
        assert route.counted()["frames_conflicting"] == 0
        assert sum(route.rows("observations", "seq").values()) == 8 + 1
    finally:
        route.close()


@pytest.mark.parametrize("source", [Source.HL7_HTTP, Source.JSON_HTTP])
def test_p2_a_copy_is_judged_by_the_time_its_message_was_received(tmp_path: Path, source: Source) -> None:
    """What lay too far ahead then is told again, though it no longer does; over a restart too."""
    route = Route(tmp_path, future_s_max=1)
    at = datetime.now(UTC) + timedelta(seconds=5)
    row = {"code": "8867-4", "value": 72, "unit": "/min", "time": at.isoformat()}
    payload = json.dumps({"id": "x", "patient": {"identifier": "A"}, "observations": [row]})
    if source == Source.HL7_HTTP:
        head = "MSH|^~\\&|A|B|||2026||ORU^R01|1|P|2.5.1\rPID|1||A\r"
        payload = f"{head}OBX|1|NM|8867-4^^LN||72|/min|||||F|||{at:%Y%m%d%H%M%S}\r"
    try:
        first = route.deliver(Delivery(source, payload.encode()))
        assert "future_time" in first
        time.sleep((at - datetime.now(UTC)).total_seconds() - 0.5)
        assert route.deliver(Delivery(source, payload.encode())) == first
        route.restart()
        assert route.deliver(Delivery(source, payload.encode())) == first
        route.store()
        assert route.counted()["frames_repeated"] == 2
        assert sum(route.rows("dead_letters", "seq").values()) == 1
    finally:
        route.close()


def test_p5_the_memory_of_ids_never_holds_more_than_its_limit_also_after_a_restart(tmp_path: Path) -> None:
    route = Route(tmp_path, message_ids_max=4)
    try:
        for number in range(10):
            route.deliver(_beat(number))
        route.store()
        route.restart()
        for number in (6, 7, 8, 9):
            answer = route.deliver(_beat(number))
            assert re.match(r"\d+ ", answer)
        assert route.counted()["frames_repeated"] >= 4
        route.deliver(_beat(5))
        assert route.counted()["observations_repeated"] >= 1
    finally:
        route.close()


@pytest.mark.parametrize("kind", ["hl7", "json"])
def test_p2_the_same_id_of_another_sender_is_another_message(kind: str) -> None:
    decoder = Decoder("{}")
    one = Message(kind, 1).deliveries(0)[0]
    ids = {decoder.decode(int(one.source), "", 0, one.payload, principal)["message_id"][0] for principal in ("a", "b")}
    assert len(ids) == 2
