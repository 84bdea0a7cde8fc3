"""WebSocket fan-out beside websockets.broadcast and a loop of send_text on uvicorn: the same states to the same 50
clients.

The others know no subscriptions, no conflation and no resuming: they send every state to everybody, a frame each.
"""

import contextlib
from importlib.metadata import version

from nightlamp import __version__
from tests.bench.figures import Side, compare
from tests.bench.stream import INCLUDED, SIZES, serving, title


def main() -> None:
    """Compare."""
    for name, size in SIZES.items():
        with contextlib.ExitStack() as parts:
            sides = [
                Side("nightlamp", __version__, parts.enter_context(serving("nightlamp", size)), INCLUDED, True),
                Side(
                    "websockets.broadcast",
                    version("websockets"),
                    parts.enter_context(serving("broadcast", size, 4)),
                    "a frame each state, no compression",
                ),
                Side(
                    "send_text to each, Starlette on uvicorn (sansio)",
                    f"{version('starlette')}, uvicorn {version('uvicorn')}",
                    parts.enter_context(serving("starlette", size, 2)),
                    "a frame each state, no compression",
                ),
            ]
            compare(f"stream.{name}", title(size), "messages/s", "higher", sides, 5)


if __name__ == "__main__":
    main()
