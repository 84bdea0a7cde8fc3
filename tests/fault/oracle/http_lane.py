"""A sender over HTTP: one connection, one request under way, outcomes into the ledger.

Not sent (no connection) is no attempt. Once bytes have left, only an answer makes the outcome known; 503 says itself
that nothing is known. What is unknown is sent again with the same id and bytes, or not (`Plan.insists`).
"""

import contextlib
import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator

from tests.fault.oracle.ledger import Address, Ledger
from tests.fault.oracle.plan import Door, Frame, Plan

TIMEOUT_S, CONNECT_PAUSE_S, RETRY_PAUSE_S = 20.0, 0.05, 0.1
BATCH_MAX = 60
PATHS = {Door.HL7: "/v1/hl7v2", Door.JSON: "/v1/observations"}
ROLES = {Door.HL7: "ehr", Door.JSON: "device"}
#: The code of an acknowledgement, and the segments that follow up to the next one.
_SAID = re.compile(rb"MSA\|([AC][AER])([^\r]*(?:\r(?!MSH)[^\r]*)*)")


class HttpLane:
    """Sends the frames of one lane in order until they are through or `stop` is set."""

    def __init__(
        self, plan: Plan, lane: int, address: Address, ledger: Ledger, stop: threading.Event, gap_s: float
    ) -> None:
        self._plan, self._address, self._ledger, self._stop, self._gap_s = plan, address, ledger, stop, gap_s
        self._numbers = plan.of_lane(lane)
        self._batch = plan.shape.lanes[lane] == "hl7 batch" if lane >= 0 else False
        self._connection: http.client.HTTPConnection | None = None
        self.thread = threading.Thread(target=self._run, name=f"lane {lane}", daemon=True)
        self.failure: str | None = None

    def _run(self) -> None:
        try:
            next_at = time.monotonic()
            for frames in self._requests():
                if self._stop.is_set():
                    return
                if self._plan.cut_before(frames[0].number):
                    self._half(frames)
                self.send(frames)
                next_at = max(next_at + self._gap_s * len(frames), time.monotonic() - 1)
                if (ahead_s := next_at - time.monotonic()) > 0:
                    self._stop.wait(ahead_s)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            self.close()

    def _requests(self) -> Iterator[list[Frame]]:
        """Frames by request, earlier ones once more where the plan says so."""
        waiting: list[Frame] = []
        for number in self._numbers:
            for wanted in (self._plan.repeat_before(number), number):
                if wanted is not None:
                    waiting.append(self._plan.frame(wanted))
            if not self._batch or len(waiting) >= 2 + number % BATCH_MAX:
                yield from [waiting] if self._batch else [[one] for one in waiting]
                waiting = []
        if waiting:
            yield waiting

    def send(self, frames: list[Frame], *, insist: bool = False) -> None:
        """One request until every message of it has an outcome that its sender is content with."""
        while frames and not (self._stop.is_set() and not insist):
            answered = self._request(frames)
            if answered is None:
                self._stop.wait(CONNECT_PAUSE_S) if not insist else time.sleep(CONNECT_PAUSE_S)
                continue
            left = []
            for frame, outcome in zip(frames, answered, strict=True):
                counts = getattr(self._ledger, outcome)
                counts[frame.number] += 1
                if outcome == "unknown" and (insist or self._plan.insists(frame.number)):
                    left.append(frame)
            frames = left
            if frames:
                time.sleep(RETRY_PAUSE_S)

    def _half(self, frames: list[Frame]) -> None:
        """Announce a body, send half of it and break the line."""
        body = _body(frames)
        with contextlib.suppress(OSError), self._connected() as line:
            head = f"POST {PATHS[frames[0].door]} HTTP/1.1\r\nHost: oracle\r\nContent-Length: {len(body)}\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in self._headers(frames[0]).items())
            line.sendall(f"{head}\r\n".encode() + body[: len(body) // 2])
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._address.http_port), timeout=TIMEOUT_S)

    def _headers(self, frame: Frame) -> dict[str, str]:
        key = self._address.keys[ROLES[frame.door]]
        return {"Content-Type": frame.content_type, "Authorization": f"Bearer {key}"}

    def _request(self, frames: list[Frame]) -> list[str] | None:
        """An outcome for each message; None where nothing was sent."""
        try:
            if self._connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._address.http_port, timeout=TIMEOUT_S)
                connection.connect()
                self._connection = connection
        except OSError:
            return None
        try:
            self._connection.request("POST", PATHS[frames[0].door], _body(frames), self._headers(frames[0]))
            answer = self._connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return ["unknown"] * len(frames)
        return self._outcomes(frames, answer.status, said)

    def _outcomes(self, frames: list[Frame], status: int, said: bytes) -> list[str]:
        if frames[0].door is Door.JSON:
            if status == 202:
                self._ledger.told_seq[frames[0].number] = int(said.partition(b'"seq":')[2].partition(b",")[0])
            return ["acknowledged" if status == 202 else _negative(status)]
        answers = _SAID.findall(said)
        if len(answers) != len(frames):
            return [_negative(status) if status != 200 else "unknown"] * len(frames)
        # The status speaks of the first refusal only, each answer of its message.
        return [_outcome(code, errors) for code, errors in answers]

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _negative(status: int) -> str:
    """503 and what fell over inside leave the outcome open."""
    return "unknown" if status in {500, 503} else "refused"


def _outcome(code: bytes, errors: bytes) -> str:
    """207 (application internal error) is what HL7 has for 500, 503 and 507."""
    if code.endswith(b"A"):
        return "acknowledged"
    return "unknown" if b"|207^" in errors else "refused"


def _body(frames: list[Frame]) -> bytes:
    if len(frames) == 1:
        return frames[0].body
    messages = b"".join(frame.body + b"\r" for frame in frames)
    return b"FHS|^~\\&\rBHS|^~\\&\r%sBTS|%d\rFTS|1\r" % (messages, len(frames))
