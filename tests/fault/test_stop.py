"""SIGTERM under load: the server drains within 10 s, all acknowledged is stored, the next start replays nothing."""

import contextlib
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import paho.mqtt.client as paho
from messages import admission, unique, vitals
from paho.mqtt.enums import CallbackAPIVersion
from running_server import RunningServer

HL7 = {"Content-Type": "application/hl7-v2"}
#: The issue's own: a stop takes at most this long; and as much again for a loaded machine.
STOP_S_MAX, SLACK_S = 10.0, 10.0
Start = Callable[..., RunningServer]


def figures(server: RunningServer) -> dict[str, float]:
    """Sums over labels, by name."""
    found: dict[str, float] = {}
    with server.client("sre") as sre:
        for name, value in re.findall(r"^(\w+)(?:\{[^}]*\})? (\S+)$", sre.get("/metrics").text, re.MULTILINE):
            found[name] = found.get(name, 0) + float(value)
    return found


class Load:
    """Posts over HTTP, one after the other, and publishes over MQTT QoS 1, twenty in flight."""

    def __init__(self, server: RunningServer) -> None:
        self.acknowledged = {"http": 0, "mqtt": 0}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=one, args=(server,)) for one in (self._post, self._publish)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Stop sending."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _post(self, server: RunningServer) -> None:
        with server.client("ehr") as ehr, contextlib.suppress(httpx.HTTPError):
            for n in range(1_000_000):
                message = vitals(f"P{unique()}", {"8867-4": (str(60 + n % 60), "/min")})
                if self._over.is_set():
                    return
                answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
                self.acknowledged["http"] += answer.status_code == 200 and "MSA|AA" in answer.text

    def _publish(self, server: RunningServer) -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"M{unique()}", protocol=paho.MQTTv5)
        client.username_pw_set(server.key_id("device"), server.keys["device"])

        def published(_client: object, _user: object, _mid: int, reason: object, _props: object) -> None:
            self.acknowledged["mqtt"] += str(reason) == "Success"

        client.on_publish = published
        client.connect("127.0.0.1", server.mqtt_port)
        client.loop_start()
        waiting: list[paho.MQTTMessageInfo] = []
        for n in range(1_000_000):
            if self._over.is_set():
                break
            time_ms = time.time_ns() // 1_000_000
            reading = f'{{"code":"8867-4","value":{60 + n % 60},"unit":"/min"}}'
            body = f'{{"id":"{unique()}","device":"m","time":{time_ms},"observations":[{reading}]}}'
            waiting.append(client.publish("nightlamp/v1/LOAD/1/vitals", body, qos=1))
            if len(waiting) >= 20:
                with contextlib.suppress(RuntimeError, ValueError):
                    waiting.pop(0).wait_for_publish(0.5)
        client.loop_stop()


def test_p2_a_server_stopped_under_load_drains_in_ten_seconds_and_the_next_start_replays_nothing(
    new_server: Start, tmp_path: Path
) -> None:
    server = new_server()
    with server.client("ehr") as ehr:
        ehr.post("/v1/hl7v2", content=admission(f"P{unique()}", "LOAD", "1"), headers=HL7).raise_for_status()
    load = Load(server)
    time.sleep(5)
    began = time.monotonic()
    assert server.stop(signal.SIGTERM) == 0, server.log[-2_000:]
    took_s = time.monotonic() - began
    load.join()
    print(f"acknowledged {load.acknowledged}, stopped in {took_s:.1f} s")
    assert min(load.acknowledged.values()) > 20
    assert took_s < STOP_S_MAX + SLACK_S
    again = new_server(tmp_path)
    found = figures(again)
    # Of this run there are ticks; all else was stored before the end, and the state with it.
    assert found["nightlamp_pipeline_frames_total"] <= found["nightlamp_pipeline_frames_tick_total"] + 1
    assert '"stored": true' in server.log, "the drain said so"
    with again.client("nurse") as nurse, again.client("sre") as sre:
        rows = nurse.get("/v1/patients").json()["items"]
        assert rows
        assert sre.get("/readyz").status_code == 200
