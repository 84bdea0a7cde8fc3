"""What a start does before anything else: the port is taken for good, and work that was begun ends in peace."""

import asyncio
import threading
from typing import Any

import pytest

from nightlamp import ahead
from nightlamp.endings import StartError
from nightlamp.settings import Http, Settings


def test_a_second_server_does_not_get_the_port_of_one_that_is_still_starting() -> None:
    first = ahead.listen(Settings(http=Http(port=0)))
    try:
        port = first.getsockname()[1]
        with pytest.raises(StartError, match=f"127.0.0.1:{port}: Address already in use"):
            ahead.listen(Settings(http=Http(port=port)))
    finally:
        first.close()


async def test_a_start_that_is_cancelled_lets_the_work_beside_it_end(monkeypatch: pytest.MonkeyPatch) -> None:
    go, failed = threading.Event(), list[Any]()
    monkeypatch.setattr(threading, "excepthook", failed.append)

    future = ahead._beside("cluster", lambda: go.wait(5))
    waiting = asyncio.ensure_future(asyncio.wrap_future(future))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    (thread,) = (one for one in threading.enumerate() if one.name == "cluster")
    go.set()
    await asyncio.to_thread(thread.join, 5)
    assert not failed
    assert future.done()
