"""A minute of a small ward as nightlamp-loadtest writes it; `slower` multiplies its latencies."""

from typing import Any

STAGES = ("acknowledged", "scored", "stored", "seen")


def _latency(second: int) -> dict[str, int]:
    return {"count": 400, "p50_us": 1800 + second, "p90_us": 3000, "p99_us": 5000 + 40 * second, "max_us": 21_000}


def _second(at: int) -> dict[str, Any]:
    return {
        "t_s": at,
        "due": 400,
        "sent": 400,
        "observations": 3200,
        "acknowledged": 400,
        "refused": int(at == 12),
        "resent": 0,
        "connections_lost": 0,
        "seen": 400,
        "unsent": 0,
        "unanswered": 2,
        "latency": {name: _latency(at) for name in STAGES},
        "lag": {"journal": 2, "processed": 3, "stored": 40 + at},
        "server": {
            "cpu_cores": 0.3,
            "children_cpu_cores": 0.1,
            "rss_bytes": 90_000_000 + at,
            "children_rss_bytes": 140_000_000,
            "disk_written_bytes": 3_000_000 * at,
            "journal_bytes": 400_000 * at,
            "spool_bytes": 0,
        },
        "generator": {"cpu_cores": 0.1, "busiest_sender_cores": 0.05, "late_us_max": 300},
        "consoles": {"open": 4, "frames": 40, "patients": 400, "alerts": 0, "bytes": 9000},
    }


def result(slower: float) -> dict[str, Any]:
    values = [[int((900 + 40 * n) * slower), 200] for n in range(100)]
    at = {
        f"p{nines}_us": values[int(99 * share)][0]
        for nines, share in (("50", 0.5), ("90", 0.9), ("95", 0.95), ("99", 0.99))
    }
    percentiles = {"count": 20_000, "mean_us": 2900.0, "min_us": values[0][0], **at, "p999_us": values[-1][0]}
    percentiles |= {"p9999_us": values[-1][0], "max_us": values[-1][0]}
    stage = {"how": "seen by its sender", "resolution_us": 0, "latencies": values, "percentiles": percentiles}
    counts = {
        "due": 24_000,
        "sent": 24_000,
        "unsent": 0,
        "observations_sent": 192_000,
        "acknowledged": 23_999,
        "refused": 1,
    }
    phase = {"name": "hold", "from_s": 0.0, "until_s": 60.0, "factor_from": 1.0, "factor_to": 1.0}
    scenario = {
        "name": "ward",
        "about": "Forty <beds>",
        "toml": "name = 'ward'",
        "overrides": [],
        "patients": 40,
        "units": 4,
        "mqtt_connections": 4,
        "http_connections": 2,
        "mqtt_qos": 1,
        "consoles": 4,
        "readings_per_s": 400.0,
        "observations_per_s": 3200.0,
        "hl7_per_s": 0.0,
        "reading_bytes": 240,
        "duration_s": 60.0,
        "warmup_s": 5.0,
        "phases": [phase],
    }
    target = {
        "http": "http://127.0.0.1:8000",
        "mqtt": "127.0.0.1:1883",
        "mqtt_tls": False,
        "loopback": True,
        "spawned": True,
    }
    machine = {"cpu": "some CPU", "cores": 2, "memory_bytes": 8_000_000_000, "kernel": "6", "load_1m_before": 0.1}
    head = {
        "started_at": "2026-01-01T00:00:00Z",
        "harness_version": "0",
        "seed": 7,
        "machine": machine,
        "scenario": scenario,
    }
    why = {
        "name": "sent = acknowledged",
        "expected": 24_000,
        "found": 23_999,
        "why": "one was refused",
        "explained": True,
    }
    return {
        "schema": 1,
        "head": {**head, "target": {**target, "pid": 7, "version": "0.1.0"}},
        "took_s": 60.5,
        "seconds": [_second(at) for at in range(61)],
        "stages": [{"name": name, **stage} for name in STAGES],
        "conservation": {
            **counts,
            "unanswered": 0,
            "resent": 0,
            "journalled": 23_999,
            "repeated": 0,
            "dead_lettered": 0,
            "stored": 23_999,
            "observations_kept": 191_992,
            "seen_expected": 23_999,
            "seen": 23_999,
            "differences": [why],
        },
        "generator": {
            "cpu_s": {},
            "cores_mean": 0.1,
            "messages_per_cpu_s": 9000.0,
            "late": percentiles,
            "bottleneck": False,
        },
        "server": {"cpu_cores_mean": 0.3, "rss_bytes_max": 90_000_061, "cpu_us_per_observation": 90.0},
        "events": [{"t_s": 12.0, "kind": "pause", "text": "stopped for 1 s"}],
        "slo": [
            {"name": "seen_p99_ms", "limit": 25.0, "measured": 5.0, "met": True},
            {"name": "acknowledged_p99_ms", "limit": 4.0, "measured": 5.0, "met": False},
        ],
        "verdict": {
            "passed": False,
            "exit_code": 3,
            "reasons": ["acknowledged_p99_ms"],
            "warnings": ["the machine was busy"],
        },
    }
