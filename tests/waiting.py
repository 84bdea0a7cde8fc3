"""Waiting for what the route does in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(read: Callable[[], T], within_s: float = 60) -> T:
    """What `read` gives once it is truthy."""
    end = time.monotonic() + within_s
    while not (found := read()):
        assert time.monotonic() < end, f"not within {within_s} s"
        time.sleep(0.05)
    return found
