"""A sender over MQTT QoS 1: paho, up to `INFLIGHT` messages under way, to the server's own listener or a broker.

paho keeps what has no PUBACK and sends it again by itself after a reconnect. A monitor that loses power forgets
instead: then the lane throws the client away, and what was under way is unknown and never sent again.
"""

import contextlib
import socket
import struct
import threading
import time

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from tests.fault.oracle.ledger import Address, Ledger
from tests.fault.oracle.plan import Door, Frame, Plan

INFLIGHT, WAITING_MAX, SETTLE_S = 100, 150, 60.0
TOPICS = {Door.MQTT_JSON: "vitals", Door.MQTT_HL7: "hl7v2"}


class MqttLane:
    """Sends the frames of one lane in order until they are through or `stop` is set."""

    def __init__(
        self, plan: Plan, lane: int, address: Address, ledger: Ledger, stop: threading.Event, gap_s: float
    ) -> None:
        self._plan, self._lane, self._address = plan, lane, address
        self._ledger, self._stop, self._gap_s = ledger, stop, gap_s
        self._lock = threading.Lock()
        self._turn = threading.Condition(self._lock)
        #: Frame number by paho's message id, of messages without PUBACK.
        self._waiting: dict[int, int] = {}
        self._early: set[int] = set()
        #: Connections so far: after each, paho may send once more what had no PUBACK.
        self.connects = 0
        self._client = self._connect()
        self.failure: str | None = None
        self.thread = threading.Thread(target=self._run, name=f"lane {lane}", daemon=True)

    def reset(self, *, forget: bool) -> None:
        """Cut the line with a TCP reset; the monitor forgets what was under way, or does not."""
        client = self._client
        line = client.socket()
        if line is not None:
            with contextlib.suppress(OSError):
                assert isinstance(line, socket.socket)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                line.shutdown(socket.SHUT_RDWR)
        if forget:
            self._replace()

    def _replace(self) -> None:
        with self._turn:
            old, self._client = self._client, self._connect()
            for number in self._waiting.values():
                self._ledger.unknown[number] += 1
            self._waiting.clear()
            self._early.clear()
            self._turn.notify_all()
        old.on_publish = None
        old.disconnect()
        old.loop_stop()

    def _connect(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"oracle-{self._lane}-{time.monotonic_ns() % 10**9}")
        port = self._address.broker_port
        if self._plan.shape.lanes[self._lane] == "mqtt":
            port, key = self._address.mqtt_port, self._address.keys["device"]
            client.username_pw_set(self._address.principal("device"), key)
        client.max_inflight_messages_set(INFLIGHT)
        client.reconnect_delay_set(min_delay=1, max_delay=1)
        client.on_publish = self._acknowledged
        client.on_connect = self._connected
        client.connect_async("127.0.0.1", port)
        client.loop_start()
        return client

    def _connected(self, *_: object) -> None:
        self.connects += 1

    def _acknowledged(self, client: Client, _: object, mid: int, *__: object) -> None:
        with self._turn:
            if client is not self._client:
                return
            number = self._waiting.pop(mid, None)
            if number is None:
                self._early.add(mid)
                return
            self._ledger.acknowledged[number] += 1
            self._turn.notify_all()

    def _run(self) -> None:
        try:
            next_at = time.monotonic()
            for number in self._plan.of_lane(self._lane):
                for wanted in (self._plan.repeat_before(number), number):
                    if wanted is None:
                        continue
                    if self._stop.is_set():
                        return
                    self._publish(self._plan.frame(wanted))
                    next_at = max(next_at + self._gap_s, time.monotonic() - 1)
                    if (ahead_s := next_at - time.monotonic()) > 0:
                        self._stop.wait(ahead_s)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            self._settle()

    def _publish(self, frame: Frame) -> None:
        topic = f"nightlamp/v1/{frame.context}/{TOPICS[frame.door]}"
        with self._turn:
            while len(self._waiting) >= WAITING_MAX and not self._stop.is_set():
                self._turn.wait(0.2)
            client = self._client
        # Outside the lock: paho may call back, from its thread, before it returns.
        told: MQTTMessageInfo = client.publish(topic, frame.body, qos=1)
        with self._turn:
            if client is not self._client:
                self._ledger.unknown[frame.number] += 1
            elif told.mid in self._early:
                self._early.discard(told.mid)
                self._ledger.acknowledged[frame.number] += 1
            else:
                self._waiting[told.mid] = frame.number

    def _settle(self) -> None:
        """Wait for the last PUBACKs; what has none in time is unknown."""
        until = time.monotonic() + SETTLE_S
        with self._turn:
            while self._waiting and time.monotonic() < until:
                self._turn.wait(0.2)
        client = self._client
        client.disconnect()
        client.loop_stop()
        with self._turn:
            for number in self._waiting.values():
                self._ledger.unknown[number] += 1
            if self._waiting and self.failure is None:
                self.failure = f"{len(self._waiting)} messages without PUBACK after {SETTLE_S:.0f} s of quiet"
            self._waiting.clear()
