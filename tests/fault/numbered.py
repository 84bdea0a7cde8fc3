"""Numbered observations through all doors, and what became of each. A number is told in the observation's time."""

import asyncio
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import paho.mqtt.client as paho
from messages import acknowledgement, admission, msh, unique
from paho.mqtt.enums import CallbackAPIVersion
from running_server import RunningServer, labelled_metrics

from nightlamp.embedded.child import Account, socket_folder

HL7 = {"Content-Type": "application/hl7-v2"}
EPOCH = (datetime.now(UTC) - timedelta(days=30)).replace(microsecond=0)


class Numbered:
    """A patient in a bed, whose heart rate was measured once a second, thirty days ago."""

    def __init__(self) -> None:
        self.patient, self.unit, self.bed = f"N{unique()}", f"U{unique()}", "1"
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        #: Numbers that were sent, and those that were acknowledged.
        self.sent: set[int] = set()
        self.acknowledged: set[int] = set()

    def number(self) -> int:
        """The next number, as sent."""
        with self._lock:
            number = next(self._numbers)
            self.sent.add(number)
        return number

    def admit(self, server: RunningServer) -> None:
        """Put the patient into the bed."""
        with server.client("ehr") as ehr:
            said = ehr.post("/v1/hl7v2", content=admission(self.patient, self.unit, self.bed), headers=HL7)
            assert said.status_code == 200, said.text

    def hl7(self, client: httpx.Client, padding: int = 0) -> httpx.Response:
        """One ORU; `padding` bytes of it are a note."""
        number = self.number()
        at = (EPOCH + timedelta(seconds=number)).strftime("%Y%m%d%H%M%S+0000")
        lines = [
            msh("ORU^R01", f"C{number}-{self.patient}"),
            f"PID|1||{self.patient}^^^HOSP^MR",
            f"OBR|1|||V|||{at}",
            f"OBX|1|NM|8867-4^^LN||{60 + number % 60}|/min|||||F|||{at}",
            f"NTE|1||{'x' * padding}",
            "",
        ]
        answer = client.post("/v1/hl7v2", content="\r".join(lines), headers=HL7)
        if answer.status_code == 200 and acknowledgement(answer.text)["MSA"][0][1] == "AA":
            self.acknowledged.add(number)
        return answer

    def json(self, client: httpx.Client) -> httpx.Response:
        """One body with one observation."""
        number = self.number()
        answer = client.post("/v1/observations", json=self._body(number))
        if answer.status_code == 202:
            self.acknowledged.add(number)
        return answer

    def _body(self, number: int) -> dict[str, object]:
        at = (EPOCH + timedelta(seconds=number)).isoformat()
        one = {"code": "8867-4", "value": 60 + number % 60, "unit": "/min"}
        whose = {"authority": "HOSP", "identifier": self.patient}
        return {"id": f"J{number}-{self.patient}", "patient": whose, "time": at, "observations": [one]}

    @contextmanager
    def mqtt(self, server: RunningServer) -> "Iterator[Sender]":
        """A connected paho client of the same patient."""
        sender = Sender(self, server)
        try:
            yield sender
        finally:
            sender.client.disconnect()
            sender.client.loop_stop()

    def stored(self, server: RunningServer, within_s: float = 60) -> Counter[int]:
        """How often each number is stored, once all that is durable now is stored."""
        return asyncio.run(self._stored(server, within_s))

    async def _stored(self, server: RunningServer, within_s: float) -> Counter[int]:
        with server.client("sre") as sre:
            durable = labelled_metrics(sre)["nightlamp_journal_durable_seq"]
            end = time.monotonic() + within_s
            while labelled_metrics(sre)["nightlamp_store_cursor_seq"] < durable:
                assert time.monotonic() < end, "it was not stored in time"
                await asyncio.sleep(0.1)
        database = await connect(server)
        try:
            rows = await database.fetch("SELECT observed_at FROM observations")
        finally:
            await database.close()
        return Counter(round((row["observed_at"] - EPOCH).total_seconds()) for row in rows)

    def assert_stored_once(self, server: RunningServer) -> None:
        """Everything acknowledged is there, nothing twice, and nothing that was never sent."""
        stored = self.stored(server)
        assert not self.acknowledged - set(stored), f"lost: {sorted(self.acknowledged - set(stored))[:9]}"
        assert not set(stored) - self.sent
        assert not [number for number, times in stored.items() if times > 1]


class Sender:
    """A paho client that writes down which numbers were acknowledged."""

    def __init__(self, numbered: Numbered, server: RunningServer) -> None:
        self._numbered, self._by_mid = numbered, dict[int, int]()
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"numbered-{unique()}")
        client.username_pw_set(server.key_id("device"), server.keys["device"])
        client.on_publish = self._published
        client.connect("127.0.0.1", server.mqtt_port)
        client.loop_start()
        self.client = client

    def _published(self, _client: object, _user: object, mid: int, *_: object) -> None:
        end = time.monotonic() + 5
        while mid not in self._by_mid and time.monotonic() < end:  # its PUBACK may be here before `publish` is back
            time.sleep(0.001)
        self._numbered.acknowledged.add(self._by_mid[mid])

    def publish(self) -> paho.MQTTMessageInfo:
        """One observation at QoS 1."""
        number = self._numbered.number()
        topic = f"nightlamp/v1/{self._numbered.unit}/{self._numbered.bed}/vitals"
        body = self._numbered._body(number)
        with self._numbered._lock:
            info = self.client.publish(topic, httpx.Request("POST", "http://x", json=body).content, qos=1)
            self._by_mid[info.mid] = number
        return info


async def connect(server: RunningServer) -> asyncpg.Connection:
    """The server's own database."""
    sockets = socket_folder(server.data_dir, Account.find())
    return await asyncpg.connect(host=str(sockets), port=5432, user="postgres", database="nightlamp")
