"""What an attack costs: another sender's latency and the server's memory. Figures are printed, bounds asserted."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import psutil
from messages import acknowledgement, unique, vitals
from running_server import RunningServer

HL7 = {"Content-Type": "application/hl7-v2"}
#: How long an honest sender may wait for one acknowledgement while others attack, on a loaded machine.
HONEST_S_MAX = 5.0


@dataclass
class Cost:
    """What was seen between the beginning and the end of an attack."""

    latencies_s: list[float] = field(default_factory=list)
    rss_bytes: list[int] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def growth_bytes(self) -> int:
        """The most the server has grown."""
        return max(self.rss_bytes) - self.rss_bytes[0]

    def __str__(self) -> str:
        slow = max(self.latencies_s, default=0) * 1_000
        return (
            f"{len(self.latencies_s)} acknowledged, slowest {slow:.0f} ms, memory +{self.growth_bytes / 2**20:.1f} MiB"
        )


@contextlib.contextmanager
def under_attack(server: RunningServer, name: str, growth_bytes_max: int) -> Iterator[Cost]:
    """An honest sender goes on beside the block: each of its messages must be acknowledged."""
    cost, over = Cost(), threading.Event()
    process = psutil.Process(server.process.pid)
    cost.rss_bytes.append(process.memory_info().rss)

    def send() -> None:
        with server.client("ehr") as ehr:
            while not over.is_set():
                began = time.monotonic()
                message = vitals(f"H{unique()}", {"8867-4": ("72", "/min")})
                try:
                    answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
                    if acknowledgement(answer.text)["MSA"][0][1] != "AA":
                        cost.failed.append(answer.text)
                except httpx.HTTPError as error:
                    cost.failed.append(repr(error))
                cost.latencies_s.append(time.monotonic() - began)
                cost.rss_bytes.append(process.memory_info().rss)
                time.sleep(0.01)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        while len(cost.latencies_s) < 5:
            time.sleep(0.01)
        yield cost
        reached = len(cost.latencies_s)
        while len(cost.latencies_s) < reached + 2:
            time.sleep(0.01)
    finally:
        over.set()
        sender.join()
    print(f"{name}: {cost}")
    assert not cost.failed, cost.failed[:3]
    assert max(cost.latencies_s) < HONEST_S_MAX, str(cost)
    assert cost.growth_bytes <= growth_bytes_max, str(cost)


def line(server: RunningServer, timeout_s: float = 30) -> socket.socket:
    """A bare connection to the HTTP door."""
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=timeout_s)


def head(server: RunningServer, path: str, *more: str, role: str = "ehr", media: str = "application/hl7-v2") -> bytes:
    """The head of a POST by somebody with a key, without its last empty line's end where `more` goes on."""
    lines = [f"POST {path} HTTP/1.1", "Host: nightlamp", f"Authorization: Bearer {server.keys[role]}"]
    return "\r\n".join([*lines, f"Content-Type: {media}", *more, "", ""]).encode()


def told(one: socket.socket) -> bytes:
    """What the server says until it closes the connection; empty if it says nothing."""
    said = b""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while piece := one.recv(65_536):
            said += piece
    return said
