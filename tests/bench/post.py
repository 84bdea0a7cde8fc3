"""HL7 posts to durable acknowledgements: ORU^R01 with 8 observations over kept-alive connections, each message new.

    python -m tests.bench.post [--rate 0] [--connections 64] [--seconds 10] [--runs 5] [--patients 500]

Without a rate each connection sends its next message when the last is acknowledged: the highest rate. With one the
messages are due at fixed times, whatever the server does, and latency counts from there. The sender is a process of its
own, on the same machine; prints one JSON object a run and the medians.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

import psutil
import uvloop

from tests.messages import admission, msh, stamp
from tests.running_server import RunningServer, start_server

CODES = [("8867-4", "80", "/min"), ("9279-1", "16", "/min"), ("2708-6", "97", "%"), ("8310-5", "37.0", "Cel")]
CODES += [
    ("8480-6", "120", "mm[Hg]"),
    ("8462-4", "75", "mm[Hg]"),
    ("8478-0", "90", "mm[Hg]"),
    ("2339-0", "100", "mg/dL"),
]


def oru(patient: str) -> tuple[bytes, bytes]:
    """An ORU^R01 with 8 observations, cut where its control id goes."""
    rows = [
        f"OBX|{n}|NM|{code}^^LN||{value}|{unit}|||||F|||{stamp()}" for n, (code, value, unit) in enumerate(CODES, 1)
    ]
    head, tail = msh("ORU^R01", "@@@@").split("@@@@")
    lines = [tail, f"PID|1||{patient}^^^HOSP^MR", f"OBR|1|||V|||{stamp()}", *rows, ""]
    return head.encode(), "\r".join(lines).encode()


class Sender(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: "Load") -> None:
        self.load, self.sent_at = load, deque[float]()
        self.transport: asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self, due: float) -> None:
        self.sent_at.append(due)
        self.transport.write(self.load.message())

    def data_received(self, data: bytes) -> None:
        load, now = self.load, time.perf_counter()
        answers = data.count(b"HTTP/1.1 ")
        load.refused += answers - data.count(b"HTTP/1.1 200")
        for _ in range(answers):
            load.latencies.append(now - self.sent_at.popleft())
            if load.rate == 0 and now < load.end:
                self.send(now)
            else:
                load.free.append(self)


class Load:
    """What is sent and what came back."""

    def __init__(self, url: str, key: str, wanted: argparse.Namespace, run: int) -> None:
        host, port = url.removeprefix("http://").split(":")
        self.host, self.port, self.rate, self.wanted = host, int(port), wanted.rate, wanted
        self.latencies, self.refused, self.number, self.end = list[float](), 0, 0, 0.0
        self.free: deque[Sender] = deque()
        self.bodies = [oru(f"P{n}") for n in range(wanted.patients)]
        self.heads: dict[int, bytes] = {}
        self.head = f"POST /v1/hl7v2 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n".encode()
        self.head += b"Content-Type: application/hl7-v2\r\nContent-Length: "
        self.prefix = f"B{run}x{os.getpid()}x".encode()

    def message(self) -> bytes:
        """The next one: another patient, a control id of its own."""
        self.number += 1
        head, tail = self.bodies[self.number % len(self.bodies)]
        control_id = b"%b%08d" % (self.prefix, self.number)
        length = len(head) + len(control_id) + len(tail)
        return b"%b%d\r\n\r\n%b%b%b" % (self.head, length, head, control_id, tail)

    async def run(self) -> dict[str, Any]:
        """One run."""
        loop = asyncio.get_running_loop()
        lines = []
        for _ in range(self.wanted.connections):
            _, line = await loop.create_connection(lambda: Sender(self), self.host, self.port)
            lines.append(line)
        began, cpu = time.perf_counter(), time.process_time()
        self.end = began + self.wanted.seconds
        if self.rate == 0:
            for line in lines:
                line.send(time.perf_counter())
            await asyncio.sleep(self.wanted.seconds)
        else:
            self.free.extend(lines)
            await self._on_schedule(began)
        until = time.perf_counter() + 10
        while any(line.sent_at for line in lines) and time.perf_counter() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        spent = time.perf_counter() - began
        for line in lines:
            line.transport.close()
        return self._told(spent, time.process_time() - cpu)

    async def _on_schedule(self, began: float) -> None:
        due, step = began, 1 / self.rate
        while due < self.end:
            now = time.perf_counter()
            while due <= now and due < self.end and self.free:
                self.free.popleft().send(due)
                due += step
            await asyncio.sleep(0.001)

    def _told(self, spent: float, cpu: float) -> dict[str, Any]:
        cut = statistics.quantiles(self.latencies, n=1000)
        return {
            "acknowledged_per_s": round(len(self.latencies) / spent),
            "refused": self.refused,
            "sent": self.number,
            "acknowledged": len(self.latencies),
            "ms": {
                "p50": round(cut[499] * 1e3, 2),
                "p99": round(cut[989] * 1e3, 2),
                "max": round(max(self.latencies) * 1e3, 1),
            },
            "sender_cores": round(cpu / spent, 2),
        }


def _send(url: str, key: str, wanted: argparse.Namespace, run: int, said: Any) -> None:
    said.put(uvloop.run(Load(url, key, wanted, run).run()))


def _run(server: RunningServer, wanted: argparse.Namespace, run: int) -> dict[str, Any]:
    said: Any = multiprocessing.get_context("spawn").Queue()
    process = psutil.Process(server.process.pid)
    sender = multiprocessing.get_context("spawn").Process(
        target=_send, args=(server.url, server.keys["ehr"], wanted, run, said)
    )
    sender.start()
    cpu, began = process.cpu_times(), time.monotonic()
    found: dict[str, Any] = said.get(timeout=wanted.seconds + 60)
    used, spent = process.cpu_times(), time.monotonic() - began
    sender.join()
    found["server_cores"] = round((used.user + used.system - cpu.user - cpu.system) / spent, 2)
    caught_up = time.monotonic()
    while (lag := _lag(server)) > 2 and time.monotonic() < caught_up + 120:
        time.sleep(0.1)
    found["seconds_until_stored"], found["frames_not_stored"] = round(time.monotonic() - caught_up, 1), lag
    return found


def _lag(server: RunningServer) -> int:
    metrics = server.metrics()
    return int(metrics["nightlamp_journal_durable_seq"] - metrics["nightlamp_store_cursor_seq"])


def main() -> None:
    """Start a server, admit the patients, run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--patients", type=int, default=500)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
        server = start_server(Path(folder))
        try:
            with server.client("ehr") as ehr:
                for n in range(wanted.patients):
                    body = admission(f"P{n}", f"U{n % 20}", f"B{n}")
                    ehr.post(
                        "/v1/hl7v2", content=body, headers={"Content-Type": "application/hl7-v2"}
                    ).raise_for_status()
            runs = []
            for run in range(wanted.runs):
                runs.append(_run(server, wanted, run))
                print(json.dumps(runs[-1]), flush=True)
            print(
                json.dumps(
                    {
                        "median": {
                            "acknowledged_per_s": statistics.median(one["acknowledged_per_s"] for one in runs),
                            **{q: statistics.median(one["ms"][q] for one in runs) for q in ("p50", "p99")},
                        },
                        "load": os.getloadavg(),
                    }
                )
            )
        finally:
            server.stop()


if __name__ == "__main__":
    main()
