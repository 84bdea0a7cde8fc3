"""A running engine with its MQTT listener on a free port, and clients made with paho."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from nightlamp import _core

SECRET = "nl_ward_5d0c-not-a-real-secret"
TOPIC = "nightlamp/v1/icu/7/vitals"
#: A hang, not a measurement.
PATIENCE_S = 30.0


def credential(key: str, units: list[str]) -> dict[str, Any]:
    """What identity hands to the engine for one key."""
    return {"id": key, "hash": f"sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}", "units": units}


def until(what: str, done: Callable[[], bool]) -> None:
    """Wait for something another thread is about to do."""
    limit = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < limit, f"never happened: {what}"
        time.sleep(0.005)


class Door:
    """The engine as a sender meets it, and the journal as a witness."""

    def __init__(self, folder: Path, **listen: Any) -> None:
        self.folder = folder
        self.listen = {"host": "127.0.0.1", "port": 0} | listen
        self.open()

    def open(self) -> None:
        """Start the engine; a second time on the same port and journal."""
        config = {"site_key_hex": "00" * 32, "mqtt": {"listen": self.listen}}
        self.engine = _core.Engine(str(self.folder), json.dumps(config).encode())
        self.engine.set_credentials(json.dumps([credential("ward", ["*"]), credential("icu", ["icu"])]).encode())
        self.engine.start(0)
        port = self.engine.mqtt_port()
        assert port is not None
        self.port = self.listen["port"] = port

    def frames(self, source: int = 3) -> list[tuple[str, str, bytes]]:
        """(principal, context, payload) of every durable frame of one source (3: JSON by MQTT, 4: HL7 v2 by MQTT)."""
        found = []
        for seq in range(1, self.engine.durable_seq() + 1):
            frame = self.engine.read_frame(seq)
            assert frame is not None
            if frame[0] == source:
                found.append((frame[1], frame[2], bytes(frame[4])))
        return found

    def close(self) -> None:
        """Stop the engine and let go of the journal's folder."""
        self.engine.stop()
        del self.engine


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A door that is closed afterwards."""
    door = Door(tmp_path / "data")
    yield door
    door.close()


@dataclass
class Heard:
    """What a client was told, in order."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    connected: list[str] = field(default_factory=list)
    disconnected: list[str] = field(default_factory=list)
    published: list[tuple[int, str]] = field(default_factory=list)
    granted: list[list[str]] = field(default_factory=list)


class Client:
    """A paho client whose callbacks write down what they hear."""

    def __init__(self, port: int, version: int, user: str = "ward", password: str | None = SECRET, **more: Any) -> None:
        self.heard = heard = Heard()
        self.on_published: Callable[[int], None] = lambda mid: None
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=more.get("client_id", "monitor"), protocol=version
        )
        self.paho.max_inflight_messages_set(more.get("inflight", 20))
        if password is not None:
            self.paho.username_pw_set(user, password)
        if "ca" in more:
            self.paho.tls_set(ca_certs=str(more["ca"]))
        if more.get("will"):
            self.paho.will_set("some/will", b"gone", qos=1)
        self.paho.reconnect_delay_set(0.05, 0.2)
        self.paho.on_connect = lambda c, u, f, reason, p: heard.connected.append(str(reason))
        self.paho.on_disconnect = lambda c, u, f, reason, p: heard.disconnected.append(str(reason))
        self.paho.on_subscribe = lambda c, u, mid, reasons, p: heard.granted.append([str(r) for r in reasons])

        def published(_client: Any, _user: Any, mid: int, reason: Any, _props: Any) -> None:
            self.on_published(mid)
            heard.published.append((mid, str(reason)))

        self.paho.on_publish = published
        assert self.paho.connect("127.0.0.1", port, keepalive=60) == MQTTErrorCode.MQTT_ERR_SUCCESS
        self.paho.loop_start()

    def ready(self) -> "Client":
        until("connected", lambda: self.heard.connected == ["Success"])
        return self

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


@pytest.fixture(params=[paho.MQTTv311, paho.MQTTv5], ids=["3.1.1", "5"])
def version(request: pytest.FixtureRequest) -> int:
    """Each test once in each protocol version."""
    return int(request.param)


@pytest.fixture
def client(door: Door, version: int) -> Iterator[Callable[..., Client]]:
    """Makes clients of the door and closes them."""
    made: list[Client] = []

    def make(**more: Any) -> Client:
        made.append(Client(door.port, version, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()
