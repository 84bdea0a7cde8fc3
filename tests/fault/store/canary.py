"""One patient a second who is ill at once: how long until WebSocket and Redis have told the alert."""

import asyncio
import contextlib
import json
import statistics
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import redis.asyncio
import websockets
from messages import ILL, acknowledgement, admission, unique, vitals
from redis.exceptions import RedisError
from running_server import RunningServer

UNIT = "CANARY"
HL7 = {"Content-Type": "application/hl7-v2"}


@dataclass
class Told:
    """Bed to the monotonic time of the event."""

    sent: dict[str, float] = field(default_factory=dict)
    stream: dict[str, float] = field(default_factory=dict)
    redis: dict[str, float] = field(default_factory=dict)


class Canary:
    """Sends from `start` to `stop`, in a thread; `late_s` tells what came of it."""

    def __init__(self, server: RunningServer, redis_url: str, every_s: float = 1.0) -> None:
        self.told = Told()
        self._server, self._redis_url, self._every_s = server, redis_url, every_s
        self._stop, self._over, self._listening = threading.Event(), threading.Event(), threading.Barrier(3)
        #: While it hears what Redis says.
        self.subscribed = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, daemon=True),
            threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        assert self.subscribed.wait(60)

    def stop(self, patience_s: float = 30) -> None:
        """No more patients; wait for the alerts of those there are."""
        self._stop.set()
        self._threads[0].join()
        limit = time.monotonic() + patience_s
        while time.monotonic() < limit and not (
            self.told.sent.keys() <= self.told.stream.keys() and self.told.sent.keys() <= self.told.redis.keys()
        ):
            time.sleep(0.05)
        self._over.set()

    def late_s(self, since: float, until: float) -> dict[str, Any]:
        """Of those sent between two monotonic times: how many, and by channel how many were told and how late."""
        sent = {bed: at for bed, at in self.told.sent.items() if since <= at < until}
        found: dict[str, Any] = {"sent": len(sent)}
        for name, heard in (("stream", self.told.stream), ("redis", self.told.redis)):
            late = sorted(heard[bed] - at for bed, at in sent.items() if bed in heard)
            found[name] = {"told": len(late)}
            if late:
                found[name] |= {"median_s": round(statistics.median(late), 3), "max_s": round(late[-1], 3)}
        return found

    def _send(self) -> None:
        headers = HL7 | {"Authorization": f"Bearer {self._server.keys['ehr']}"}
        with httpx.Client(base_url=self._server.url, headers=headers, timeout=60) as ehr:
            self._listening.wait(60)
            while not self._stop.wait(self._every_s):
                patient, bed = f"C{unique()}", unique()
                for message in (admission(patient, UNIT, bed), vitals(patient, ILL)):
                    at = time.monotonic()
                    answer = ehr.post("/v1/hl7v2", content=message)
                    assert acknowledgement(answer.text)["MSA"][0][1] == "AA", answer.text
                self.told.sent[bed] = at

    async def _listen(self) -> None:
        await asyncio.gather(self._stream(), self._redis())

    async def _stream(self) -> None:
        url = self._server.url.replace("http", "ws", 1) + "/v1/stream"
        headers = {"Authorization": f"Bearer {self._server.keys['charge_nurse']}"}
        with contextlib.suppress(websockets.ConnectionClosed):
            async with websockets.connect(url, additional_headers=headers, max_size=None) as stream:
                await stream.send(json.dumps({"subscribe": {"units": [UNIT], "patients": []}}))
                await asyncio.to_thread(self._listening.wait, 60)
                async for text in stream:
                    for message in json.loads(text):
                        _note(self.told.stream, message)

    async def _redis(self) -> None:
        """Subscribed for as long as Redis is there, again when it is back."""
        await asyncio.to_thread(self._listening.wait, 60)
        while not self._over.is_set():
            with contextlib.suppress(RedisError, OSError):
                async with redis.asyncio.Redis.from_url(self._redis_url) as client, client.pubsub() as subscriber:
                    await subscriber.subscribe(f"nightlamp.{UNIT}.alerts")
                    await subscriber.get_message(timeout=5)
                    self.subscribed.set()
                    while not self._over.is_set():
                        message = await subscriber.get_message(ignore_subscribe_messages=True, timeout=1)
                        if message is not None:
                            _note(self.told.redis, json.loads(message["data"]))
            self.subscribed.clear()
            await asyncio.sleep(0.02)


def _note(heard: dict[str, float], message: dict[str, Any]) -> None:
    if message["type"] == "alert" and message["kind"] == "opened" and message["unit"] == UNIT:
        heard.setdefault(message["bed"], time.monotonic())
