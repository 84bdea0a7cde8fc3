"""P5 between the pipeline and store: batches are bounded in frames and in number, and the journal goes on meanwhile."""

import time
from pathlib import Path

from redelivering_route import Delivery, Route

from nightlamp.receive.door import Source


def _frame(number: int) -> Delivery:
    row = f'{{"code":"8867-4","value":72,"unit":"/min","time":{time.time_ns() // 1_000_000 - number * 1_000}}}'
    body = f'{{"id":"b{number}","patient":{{"identifier":"A"}},"observations":[{row}]}}'
    return Delivery(Source.JSON_HTTP, body.encode())


def _submitted(route: Route, count: int) -> None:
    """So many frames are journalled and durable; nobody takes batches meanwhile."""
    last, until = route.submit([_frame(number) for number in range(count)]), time.monotonic() + 20
    while route.engine.durable_seq() < last:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_p5_a_batch_holds_no_more_frames_than_its_limit(tmp_path: Path) -> None:
    route = Route(tmp_path, batch_frames_max=4)
    try:
        _submitted(route, 60)
        route.store()
        assert max(batch.frames for batch in route.stored) <= 4
        assert sum(route.rows("observations", "seq").values()) == 60
    finally:
        route.close()


def test_p5_with_nobody_to_take_batches_the_pipeline_waits_and_senders_are_acknowledged(tmp_path: Path) -> None:
    route = Route(tmp_path, batch_frames_max=1, batches_waiting_max=2)
    try:
        _submitted(route, 30)
        time.sleep(0.3)
        # Two wait, one is in the pipeline's hand, one more may be under way.
        assert route.processed() <= 4
        route.store()
        assert sum(route.rows("observations", "seq").values()) == 30
    finally:
        route.close()
