"""P2 at the doors of a real server, by clients nobody here wrote (httpx, paho): copies in any order, a kill between."""

import json
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import paho.mqtt.client as paho
import pytest
from messages import acknowledgement, unique
from own_database import stored
from paho.mqtt.enums import CallbackAPIVersion
from running_server import RunningServer
from waiting import until

Start = Callable[..., RunningServer]
HL7 = {"Content-Type": "application/hl7-v2"}
JSON = {"Content-Type": "application/json"}


@dataclass(eq=False)
class Message:
    """One message, and what its sender was told of it."""

    kind: str
    number: str
    value: int
    at: datetime
    crossed: bool = False
    told: list[str] = field(default_factory=list)

    def hl7(self) -> str:
        """A copy, stamped anew."""
        time.sleep(0.001)
        sent = datetime.now(UTC).strftime("%Y%m%d%H%M%S.%f")[:-2] + "+0000"
        rows = [f"8867-4^^LN||{self.value}|/min", "9279-1^^LN||14|furlong"]
        obx = [f"OBX|{n}|NM|{row}|||||F|||{self.at:%Y%m%d%H%M%S}+0000" for n, row in enumerate(rows, 1)]
        head = rf"MSH|^~\&|EHR|HOSPITAL|NIGHTLAMP||{sent}||ORU^R01|{self.number}|P|2.5.1"
        return "\r".join([head, f"PID|1||R{self.number}^^^HOSP^MR", "OBR|1|||V", *obx, ""])

    def json(self) -> bytes:
        """A copy; without an id of its own, it is named by a header."""
        named = {"id": self.number, "device": "monitor"} if self.kind == "json" else {}
        row = {"code": "8867-4", "value": self.value, "unit": "/min", "time": self.at.isoformat()}
        bad = row | {"code": "9279-1", "unit": "furlong"}
        patient = {"authority": "HOSP", "identifier": f"R{self.number}"}
        return json.dumps({**named, "patient": patient, "observations": [row, bad]}).encode()


class Senders:
    """Connections to one server, each with a client of its own."""

    def __init__(self, server: RunningServer, stack: ExitStack) -> None:
        self._https = [stack.enter_context(server.client("ehr")) for _ in range(3)]
        self._mqtts = [stack.enter_context(_paho(server, version)) for version in (paho.MQTTv311, paho.MQTTv5)]

    def send(self, message: Message, dice: random.Random, mqtt_share: float = 0.4) -> None:
        """One copy, through a connection and a door chosen by chance."""
        if message.kind != "key" and dice.random() < mqtt_share:
            message.crossed = True
            payload, leaf = (message.hl7(), "hl7v2") if message.kind == "hl7" else (message.json(), "vitals")
            dice.choice(self._mqtts).publish(f"nightlamp/v1/ICU/7/{leaf}", payload, qos=1).wait_for_publish(20)
            time.sleep(0.05)  # PUBACK says safe; HTTP can tell of the copy once the pipeline has it, 20 ms later
        elif message.kind == "hl7":
            answer = dice.choice(self._https).post("/v1/hl7v2", content=message.hl7(), headers=HL7)
            assert answer.status_code == 200, answer.text
            message.told.append(answer.text.partition("\r")[2])
        else:
            key = {"Idempotency-Key": f'"{message.number}"'} if message.kind == "key" else {}
            answer = dice.choice(self._https).post("/v1/observations", content=message.json(), headers=JSON | key)
            assert answer.status_code == 202, answer.text
            # Where another door brought it first, this one may not have known the number at once.
            message.told.append(re.sub(r'"seq":\d+', "", answer.text) if message.crossed else answer.text)


@contextmanager
def _paho(server: RunningServer, version: int) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"copies-{version}", protocol=version)
    client.username_pw_set(server.key_id("ehr"), server.keys["ehr"])
    client.connect("127.0.0.1", server.mqtt_port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def _is_through(server: RunningServer) -> bool:
    """The pipeline has replayed the journal."""
    return server.metrics()["nightlamp_pipeline_lag_frames"] == 0


@pytest.mark.timeout(240)
def test_p2_copies_through_all_doors_and_over_a_kill_are_stored_once_and_answered_alike(new_server: Start) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    messages = [
        Message(dice.choice(["hl7", "json", "key"]), f"N{unique()}", 60 + n, began + timedelta(seconds=n))
        for n in range(60)
    ]
    copies = [message for message in messages for _ in range(dice.randint(1, 5))]
    dice.shuffle(copies)
    server = new_server(JOURNAL__SNAPSHOT_S="1")
    for half in (copies[: len(copies) // 2], copies[len(copies) // 2 :]):
        with ExitStack() as stack:
            senders = Senders(server, stack)
            for message in half:
                senders.send(message, dice)
            if half[0] is copies[0]:
                server.stop(signal.SIGKILL)
                server = new_server(server.data_dir, JOURNAL__SNAPSHOT_S="1")
                until(partial(_is_through, server), 60)
    for message in messages:
        crossed = {re.sub(r'"seq":\d+', "", told) for told in message.told}
        assert len(crossed if message.crossed else set(message.told)) <= 1, (seed, message)
        assert all("unknown_unit" in told and "conflict" not in told for told in message.told), (seed, message)
    rows = stored(server, "SELECT observed_at, value FROM observations")
    assert sorted((row["observed_at"], row["value"]) for row in rows) == [(m.at, m.value) for m in messages], seed
    letters = stored(server, "SELECT reason, count(*) AS n FROM dead_letters GROUP BY reason")
    assert letters == [{"reason": "unknown_unit", "n": len(messages)}], seed
    assert server.metrics()["nightlamp_pipeline_frames_conflicting_total"] == 0


@pytest.mark.parametrize("kind", ["hl7", "json", "key"])
def test_p2_other_bytes_under_the_same_id_are_told_kept_as_one_dead_letter_and_overwrite_nothing(
    server: RunningServer, kind: str
) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    first = Message(kind, f"C{unique()}", 72, at)
    other = Message(kind, first.number, 73, at)
    with ExitStack() as stack:
        senders = Senders(server, stack)
        for message in (first, other, first, other, other):
            senders.send(message, random.Random(0), mqtt_share=0)
    assert len(set(first.told)) == 1
    assert len(set(other.told)) == 1
    told = other.told[0]
    assert "duplicate_conflict" in told
    assert "duplicate_conflict" not in first.told[0]
    if kind == "hl7":
        segments = acknowledgement("MSH|\r" + told)
        assert segments["MSA"][0][1:3] == ["AA", first.number], "an AE would bring it again for ever"
        assert [(err[2], err[3], err[4]) for err in segments["ERR"]] == [
            ("MSH^1^10", "205^duplicate_conflict^HL70357", "W")
        ]
    else:
        said = json.loads(told)
        assert (said["accepted"], {one["code"] for one in said["rejected"]}) == (0, {"duplicate_conflict"})
    about = f"position('{first.number}'::bytea IN raw) > 0"
    letters = stored(server, f"SELECT count(*) AS n FROM dead_letters WHERE reason = 'duplicate_conflict' AND {about}")
    assert letters == [{"n": 1}], "the other bytes are kept, once"
    rows = stored(server, f"SELECT value FROM observations WHERE observed_at = '{at.isoformat()}'")
    assert 72.0 in [row["value"] for row in rows]
    assert 73.0 not in [row["value"] for row in rows]
