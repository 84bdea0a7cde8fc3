"""The doors of a server, from outside: HL7 batches by HTTP on two connections, device JSON by MQTT QoS 1 on one.

Everything is acknowledged before a call returns: HTTP by AA of each message, MQTT by PUBACK. A body that the server
could not take for now (503) is sent again; that messages came before is recognised by their ids.
"""

import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from nightlamp.parity.messages import Reading

HTTP_CONNECTIONS, HTTP_TIMEOUT_S, HTTP_TRIES = 2, 60.0, 20
MQTT_INFLIGHT, MQTT_WAITING_MAX, MQTT_TIMEOUT_S = 500, 2_000, 60.0
#: Told how many messages were acknowledged.
Acknowledged = Callable[[int], None]


class Refused(Exception):
    """The server did not take what it has to take; the text is its own."""


def post_all(url: str, key: str, lists: Iterable[list[tuple[bytes, int]]], done: Acknowledged) -> None:
    """Posts lists of bodies (each with the number of its messages) side by side, the bodies of a list in their order.

    Raises Refused.
    """
    lock, left = threading.Lock(), iter(lists)

    def work() -> None:
        connection = _connect(url)
        try:
            while True:
                with lock:
                    bodies = next(left, None)
                if bodies is None:
                    return
                for body, messages in bodies:
                    _post(connection, key, body, messages)
                    done(messages)
        finally:
            connection.close()

    with ThreadPoolExecutor(HTTP_CONNECTIONS) as pool:
        for end in [pool.submit(work) for _ in range(HTTP_CONNECTIONS)]:
            end.result()


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=HTTP_TIMEOUT_S)


def _post(connection: http.client.HTTPConnection, key: str, body: bytes, messages: int) -> None:
    headers = {"Content-Type": "application/hl7-v2", "Authorization": f"Bearer {key}"}
    for _ in range(HTTP_TRIES):
        connection.request("POST", "/v1/hl7v2", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        accepted = said.count(b"MSA|AA")
        if answer.status == 200 and accepted == messages:
            return
        if answer.status not in {200, 503}:
            break
        time.sleep(float(answer.headers.get("Retry-After") or 1))
    first = next((line for line in said.split(b"\r") if line.startswith(b"ERR")), said[:300])
    raise Refused(f"HTTP {answer.status}, {accepted} of {messages} accepted: {first.decode(errors='replace')}")


class Publisher:
    """One MQTT connection (paho, 3.1.1). The user is the key's id, the password the key."""

    def __init__(self, host: str, port: int, key: str, done: Acknowledged) -> None:
        self._done = done
        self._places = threading.Semaphore(MQTT_WAITING_MAX)
        self._open = threading.Event()
        self._lost: str | None = None
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="nightlamp-parity")
        self._client.username_pw_set(key.split("_")[1], key)
        self._client.max_inflight_messages_set(MQTT_INFLIGHT)
        self._client.on_connect = self._connected
        self._client.on_publish = self._acknowledged
        self._client.on_disconnect = self._ended
        self._client.connect(host, port)
        self._client.loop_start()

    def publish_all(self, readings: Iterator[Reading]) -> None:
        """Publishes in order and waits for every PUBACK. Raises Refused."""
        try:
            if not self._open.wait(MQTT_TIMEOUT_S):
                raise Refused(f"MQTT: {self._lost or 'no answer to CONNECT'}")
            for reading in readings:
                self._wait_for_a_place()
                self._client.publish(reading.topic, reading.payload, qos=1)
            for _ in range(MQTT_WAITING_MAX):
                self._wait_for_a_place()
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _wait_for_a_place(self) -> None:
        if not self._places.acquire(timeout=MQTT_TIMEOUT_S):
            raise Refused(f"MQTT: no PUBACK for {MQTT_TIMEOUT_S:.0f} s ({self._lost or 'the connection stands'})")

    def _connected(self, _client: object, _data: object, _flags: object, reason: object, _properties: object) -> None:
        if getattr(reason, "is_failure", False):
            self._lost = str(reason)
        else:
            self._open.set()

    def _acknowledged(self, _client: object, _data: object, _id: int, _reason: object, _properties: object) -> None:
        self._places.release()
        self._done(1)

    def _ended(self, _client: object, _data: object, _flags: object, reason: object, _properties: object) -> None:
        self._lost = str(reason)
