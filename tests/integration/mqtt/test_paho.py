"""paho, the client most monitors' gateways are written with, against the listener and the real journal."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from .conftest import SECRET, TOPIC, Client, Door, until

MakeClient = Callable[..., Client]


def test_p1_a_publish_is_durable_before_paho_is_told(door: Door, client: MakeClient) -> None:
    sender = client().ready()
    durable_when_told: dict[int, int] = {}
    sender.on_published = lambda mid: durable_when_told.setdefault(mid, door.engine.durable_seq())
    first = door.engine.durable_seq()
    for number in range(20):
        sender.paho.publish(TOPIC, b'{"number": %d}' % number, qos=1).wait_for_publish(30)
        payloads = [payload for _, _, payload in door.frames()]
        assert payloads == [b'{"number": %d}' % n for n in range(number + 1)]
    until("told", lambda: len(durable_when_told) == 20)
    assert all(seq > first for seq in durable_when_told.values())


def test_hundreds_in_flight_arrive_once_each_and_in_order(door: Door, client: MakeClient) -> None:
    sender = client(inflight=500).ready()
    sent = [sender.paho.publish(TOPIC, str(number), qos=1) for number in range(1_000)]
    for message in sent:
        message.wait_for_publish(30)
    assert [payload for _, _, payload in door.frames()] == [str(number).encode() for number in range(1_000)]
    assert sender.heard.disconnected == []


def test_hl7_and_vitals_keep_their_source_context_and_sender(door: Door, client: MakeClient) -> None:
    sender = client(user="icu").ready()
    sender.paho.publish("nightlamp/v1/icu/Bed 9/hl7v2", b"MSH|^~\\&|x\r", qos=1).wait_for_publish(30)
    sender.paho.publish(TOPIC, b"{}", qos=0).wait_for_publish(30)
    until("QoS 0 is durable too", lambda: len(door.frames()) == 1)
    assert door.frames(4) == [("icu", "icu/Bed 9", b"MSH|^~\\&|x\r")]
    assert door.frames(3) == [("icu", "icu/7", b"{}")]


@pytest.mark.parametrize(("user", "password"), [("ward", "wrong"), ("nobody", SECRET), ("ward", None)])
def test_nobody_enters_without_a_valid_credential(
    door: Door, client: MakeClient, user: str, password: str | None
) -> None:
    stranger = client(user=user, password=password)
    until("refused", lambda: len(stranger.heard.connected) > 0)
    assert "Success" not in stranger.heard.connected
    assert door.frames() == []


def test_qos_2_and_subscriptions_are_refused(door: Door, client: MakeClient, version: int) -> None:
    sender = client().ready()
    sender.paho.subscribe("#", qos=1)
    until("answered", lambda: sender.heard.granted != [])
    assert sender.heard.granted == [["Not authorized" if version == paho.MQTTv5 else "Unspecified error"]]
    sender.paho.publish(TOPIC, b"twice", qos=2)
    until("disconnected", lambda: sender.heard.disconnected != [])
    if version == paho.MQTTv5:
        assert sender.heard.disconnected[0] == "QoS not supported"
    assert door.frames() == []


def test_a_foreign_unit_is_refused(door: Door, client: MakeClient, version: int) -> None:
    sender = client(user="icu").ready()
    sender.paho.publish("nightlamp/v1/ward/7/vitals", b"{}", qos=1)
    if version == paho.MQTTv5:
        until("told", lambda: [reason for _, reason in sender.heard.published] == ["Not authorized"])
    else:
        until("disconnected", lambda: sender.heard.disconnected != [])
    assert door.frames() == []


def test_a_will_does_not_hinder(door: Door, client: MakeClient) -> None:
    sender = client(will=True).ready()
    sender.paho.publish(TOPIC, b"{}", qos=1).wait_for_publish(30)
    assert len(door.frames()) == 1


def test_p1_a_restart_of_the_server_loses_nothing_that_paho_was_promised(door: Door, client: MakeClient) -> None:
    sender = client(inflight=50).ready()
    sent = [sender.paho.publish(TOPIC, f"{number}", qos=1) for number in range(400)]
    sent[50].wait_for_publish(30)
    door.close()
    door.open()
    sent += [sender.paho.publish(TOPIC, f"{number}", qos=1) for number in range(400, 500)]
    for message in sent:
        # Given to paho while nobody was connected, it is kept and sent after the reconnect; only its rc says otherwise.
        if message.rc == paho.MQTT_ERR_NO_CONN:
            message.rc = paho.MQTT_ERR_SUCCESS
        message.wait_for_publish(30)
    payloads = {int(payload) for _, _, payload in door.frames()}
    assert payloads == set(range(500))


def test_tls_from_pem_files(tmp_path: Path, version: int) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=nightlamp-test"
    command = [
        "openssl",
        *made.split(),
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    subprocess.run(command, check=True, capture_output=True)
    door = Door(tmp_path / "data", cert=str(cert), key=str(key))
    try:
        sender = Client(door.port, version, ca=cert).ready()
        sender.paho.publish(TOPIC, b"{}", qos=1).wait_for_publish(30)
        assert len(door.frames()) == 1
        sender.close()
    finally:
        door.close()
