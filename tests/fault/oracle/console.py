"""A console that must miss nothing: `/v1/stream` by the `websockets` package, resumed by cursor after every break."""

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.fault.oracle.ledger import Address

QUIET_S_MAX, PAUSE_S = 5.0, 0.1


@dataclass(frozen=True, slots=True)
class Heard:
    """One alert message as it came."""

    cursor: int
    alert_id: int
    kind: str
    #: None of technical alerts.
    value: float | None
    patient: str


class Listener:
    """Everything heard, in order, over all connections."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.alerts: list[Heard] = []
        #: Everything up to it has been heard: the newest of the alerts' and the heartbeats' cursors.
        self.seen = 0
        self.connections = self.not_resumed = 0
        self._stream: str | None = None
        self._socket: ClientConnection | None = None
        self._over = threading.Event()
        self.failure: str | None = None
        self.thread = threading.Thread(target=self._run, name="console", daemon=True)
        self.thread.start()

    def cut(self) -> None:
        """Break the connection under it."""
        if (line := self._socket) is not None:
            with contextlib.suppress(OSError):
                line.socket.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self.cut()
        self.thread.join(10)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._listen()
            except (OSError, WebSocketException, TimeoutError):
                self._over.wait(PAUSE_S)
            except Exception as error:
                self.failure = f"{type(error).__name__}: {error}"
                return

    def _listen(self) -> None:
        headers = {"Authorization": f"Bearer {self._address.keys['nurse']}"}
        url = f"ws://127.0.0.1:{self._address.http_port}/v1/stream"
        with connect(url, additional_headers=headers, open_timeout=5, close_timeout=1, max_size=None) as line:
            self._socket = line
            wanted: dict[str, object] = {"subscribe": {"units": "*", "patients": []}}
            if self._stream is not None:
                wanted |= {"resume": str(self.seen), "stream": self._stream}
            line.send(json.dumps(wanted))
            self.connections += 1
            last = time.monotonic()
            while not self._over.is_set():
                try:
                    messages = json.loads(line.recv(1.0))
                    last = time.monotonic()
                except TimeoutError:
                    if time.monotonic() - last > QUIET_S_MAX:
                        return  # three seconds of silence mean that the server is gone
                    continue
                for message in messages:
                    self._hear(message)

    def _hear(self, message: dict[str, object]) -> None:
        match message["type"]:
            case "hello":
                self._stream = str(message["stream"])
            case "subscribed" if not message["resumed"] and self.connections > 1:
                self.not_resumed += 1
            case "beat" if message["cursor"] is not None:
                self.seen = max(self.seen, int(str(message["cursor"])))
            case "alert":
                cursor = int(str(message["cursor"]))
                self.alerts.append(
                    Heard(
                        cursor,
                        int(str(message["id"])),
                        str(message["kind"]),
                        None if message["value"] is None else float(str(message["value"])),
                        str(message["patient"]),
                    )
                )
                self.seen = max(self.seen, cursor)
