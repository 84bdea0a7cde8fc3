"""P3, P5: PostgreSQL is shut down under traffic. `python -m tests.fault.store.outage` runs it long and fast."""

import json
from pathlib import Path

import pytest

from . import outage


@pytest.mark.skipif(not outage.WARD.exists(), reason="SKIPPED: the simulated ward is not built (make build)")
def test_p3_p5_an_outage_of_postgresql_delays_rows_and_nothing_else(tmp_path: Path) -> None:
    """8 s at 300 messages/s: alerts within 5 s, memory within 64 MiB, each row once. The drain's rate is printed."""
    figures = outage.run(tmp_path, rate=300, seconds=8, warm_s=1, calm_s=2)
    print(json.dumps(figures))
    found = [line for line in outage.missed(figures) if "drained" not in line]
    assert found == []
    assert figures["alerts"]["away"]["sent"] >= 3
    assert figures["drain"]["backlog_frames"] > 300
    assert figures["store_failures"] > 0
