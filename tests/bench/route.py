"""The whole route under load: 2,500 monitors with 8 signals a second by MQTT QoS 1, HL7 posts, a console watching.

    python -m tests.bench.route [--beds 2500] [--seconds 60] [--hl7 0] [--past] [--consoles 1] [--units 4]

Prints one JSON object: what was sent, acknowledged, scored and stored, the lag every five seconds, the latency from the
reading's time to the WebSocket, CPU and memory of the server, CPU of its PostgreSQL and Redis. Everything runs on this
machine.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import websockets

from tests.bench.consoles import Consoles
from tests.running_server import RunningServer, labelled_metrics, start_server

ROOT = Path(__file__).resolve().parents[2]
WARD = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "nightlamp-loadtest"


async def main() -> None:
    """Start a server, load it, print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beds", type=int, default=2_500)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--hl7", type=float, default=0.0, help="extra HL7 posts a second")
    parser.add_argument("--consoles", type=int, default=1, help="each watches one unit; one console watches all")
    parser.add_argument("--units", type=int, default=4)
    parser.add_argument("--past", action="store_true", help="meanwhile ask for one patient's past after the other")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightlamp-bench-") as folder:
        server = start_server(Path(folder))
        try:
            print(json.dumps(await _load(server, wanted), indent=2))
        finally:
            server.stop()


async def _load(server: RunningServer, wanted: argparse.Namespace) -> dict[str, Any]:
    beds, seconds, hl7, past = wanted.beds, wanted.seconds, wanted.hl7, wanted.past
    units = [f"U{n}" for n in range(wanted.units)]
    environment = os.environ | {
        "NIGHTLAMP_EHR_KEY": server.keys["ehr"],
        "NIGHTLAMP_MQTT_USER": server.key_id("device"),
        "NIGHTLAMP_MQTT_PASSWORD": server.keys["device"],
    }
    latencies: list[float] = []
    many = wanted.consoles > 1
    watching = None if many else asyncio.create_task(_watch(server, latencies))
    consoles = Consoles(server.url, server.keys["charge_nurse"], units, wanted.consoles) if many else None
    pasts: list[float] = []
    asking = asyncio.create_task(_ask(server, pasts)) if past else None
    argv = [str(WARD), "ward", "--json", "--beds", str(beds), "--connections", "16", "--duration-s", str(seconds)]
    argv += [
        "--units",
        ",".join(units),
        "--hl7-per-s",
        str(hl7),
        "--http",
        server.url,
        "--mqtt",
        f"127.0.0.1:{server.mqtt_port}",
    ]
    ward = await asyncio.create_subprocess_exec(*argv, env=environment, stdout=asyncio.subprocess.PIPE)
    process = psutil.Process(server.process.pid)
    began, cpu, beside = time.monotonic(), process.cpu_times(), _children_cpu(process)
    lags = []
    with server.client("sre") as client:
        while ward.returncode is None:
            lags.append(_lag(client))
            try:
                await asyncio.wait_for(asyncio.shield(ward.wait()), 5)
            except TimeoutError:
                continue
        if asking is not None:
            asking.cancel()
        spent = time.monotonic() - began
        used, beside_used = process.cpu_times(), _children_cpu(process)
        until = time.monotonic() + 60
        while _lag(client)["frames_behind"] > 2 and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        caught_up = time.monotonic() - began - spent
        counted = _counters(client)
    bytes_read, consoles_cpu = 0, 0.0
    if watching is not None:
        watching.cancel()
    if consoles is not None:
        latencies, bytes_read, consoles_cpu = await asyncio.to_thread(consoles.stop)
    assert ward.stdout is not None
    sent = json.loads((await ward.stdout.read()).decode().strip().splitlines()[-1])
    return {
        "machine": {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "beds": beds,
        "seconds": round(spent, 1),
        "sent": sent,
        "observations_per_s": round(sent["observations_sent"] / spent),
        "counted": counted,
        "seconds_to_catch_up": round(caught_up, 2),
        "lag_every_5_s": [one["frames_behind"] for one in lags],
        "to_websocket_ms": _quantiles(latencies),
        "pasts_s": [round(one, 2) for one in pasts],
        "server_rss_mib": process.memory_info().rss >> 20,
        "server_cpu_cores": round((used.user + used.system - cpu.user - cpu.system) / spent, 2),
        "postgresql_and_redis_cpu_cores": round((beside_used - beside) / spent, 2),
        "consoles": {
            "count": wanted.consoles,
            "mb_read": bytes_read >> 20,
            "cpu_cores": round(consoles_cpu / spent, 2),
        },
        "load": os.getloadavg(),
    }


def _children_cpu(process: psutil.Process) -> float:
    """CPU seconds of the private PostgreSQL and Redis so far."""
    found = 0.0
    for child in process.children(recursive=True):
        times = child.cpu_times()
        found += times.user + times.system
    return found


async def _ask(server: RunningServer, took_s: list[float]) -> None:
    """One patient's past of a few seconds ago after the other, as fast as they are answered."""
    headers = {"Authorization": f"Bearer {server.keys['nurse']}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=120) as nurse:
        while True:
            await asyncio.sleep(0.5)
            for row in (await nurse.get("/v1/patients", params={"limit": 20})).json()["items"]:
                asked = {"at": (datetime.now(UTC) - timedelta(seconds=3)).isoformat()}
                began = time.monotonic()
                answer = await nurse.get(f"/v1/patients/{row['patient_id']}/as-of", params=asked)
                if answer.status_code == 200:
                    assert False not in {score["matches_stored"] for score in answer.json()["scores"]}, answer.text
                    took_s.append(time.monotonic() - began)


async def _watch(server: RunningServer, latencies: list[float]) -> None:
    """A console that watches everything; latency counts from the time of the newest reading in a message."""
    headers = {"Authorization": f"Bearer {server.keys['charge_nurse']}"}
    url = server.url.replace("http", "ws", 1) + "/v1/stream"
    async with websockets.connect(url, additional_headers=headers, max_size=None) as stream:
        await stream.send(json.dumps({"subscribe": {"units": "*"}, "resume": None}))
        async for text in stream:
            now_ms = time.time() * 1000
            said = orjson.loads(text)
            for message in said if isinstance(said, list) else [said]:
                if message.get("type") == "patient" and (rate := message.get("vitals", {}).get("HR")):
                    latencies.append(now_ms - rate["at_ms"])


def _lag(client: httpx.Client) -> dict[str, int]:
    lag = labelled_metrics(client)
    durable, stored = int(lag["nightlamp_journal_durable_seq"]), int(lag["nightlamp_store_cursor_seq"])
    return {"durable_seq": durable, "stored_seq": stored, "frames_behind": durable - stored}


def _counters(client: httpx.Client) -> dict[str, float]:
    return {name: value for name, value in labelled_metrics(client).items() if name.endswith("_total") and value}


def _quantiles(values: list[float]) -> dict[str, float]:
    if len(values) < 100:
        return {}
    cut = statistics.quantiles(values, n=1000)
    return {"n": len(values), "p50": round(cut[499], 1), "p99": round(cut[989], 1), "max": round(max(values), 1)}


if __name__ == "__main__":
    asyncio.run(main())
