"""Who listens and acts in the demo, each with a key of their own, through the server's public doors alone."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from .record import Record, clock

ANSWER_S_MAX = 60.0
AGAIN_S = 0.2


class Person:
    """Somebody with a key. The server may be killed and come back at the same address."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self._key = url, key

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON (or text) of one request. Raises OSError where nobody answers."""
        return await asyncio.to_thread(self._call, method, path, body)

    def _call(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, headers, method=method)  # noqa: S310 (loopback)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S_MAX) as answer:  # noqa: S310
                return answer.status, _read(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _read(error.read(MESSAGE_BYTES_MAX))

    async def listen(self, record: Record) -> None:
        """Put what the stream says into the record until cancelled; resumes after a loss, so no alert is missed."""
        where = self.url.replace("http", "ws", 1) + "/v1/stream"
        cursor: str | None = None
        stream = ""
        while True:
            try:
                async with connect(
                    where, additional_headers={"Authorization": f"Bearer {self._key}"}, max_size=None
                ) as socket:
                    asked = {"subscribe": {"units": "*"}, **({"resume": cursor, "stream": stream} if cursor else {})}
                    await socket.send(json.dumps(asked))
                    async for text in socket:
                        at = clock()
                        for said in json.loads(text):
                            stream = said.get("stream", stream)
                            if said["type"] in {"alert", "beat"} and said.get("cursor"):
                                cursor = said["cursor"]
                            record.message(said, at)
            except (OSError, WebSocketException):
                await asyncio.sleep(AGAIN_S)


MESSAGE_BYTES_MAX = 1 << 20


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
