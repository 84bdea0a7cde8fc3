"""decode from Python as a batch call: 1,000 ORU R01 of eight observations a call, one thread. Run it: python -m
tests.bench.decode.

Prints a figure of messages a second. The peers stand in tests/bench/peers/hl7.py and tests/bench/peers/rust.
"""

from nightlamp._core import Decoder, __version__
from tests.bench.figures import Figure, emit, in_turns, seconds_a_call
from tests.bench.message import MESSAGE, NOON_US, VALUES

BATCH = 1_000
INCLUDED = "escapes, repetitions, patient, codes, units, times, validation; counts come back, one tuple a message"


def decoder() -> Decoder:
    """Of a site without settings."""
    return Decoder(b'{"site_key": "%s"}' % (b"07" * 32))


def checked(found: Decoder) -> None:
    """Raises AssertionError unless the message gives its eight values."""
    events = found.decode(1, "", NOON_US, MESSAGE.encode())["events"]
    assert [event["value"] for event in events] == VALUES, "other values"


def main() -> None:
    """Measure and print."""
    ours = decoder()
    checked(ours)
    batch = [MESSAGE.encode()] * BATCH
    assert ours.decode_batch(batch, 1, "", NOON_US) == [(8, 0, 0)] * BATCH
    runs, _ = in_turns({"": lambda: BATCH / seconds_a_call(lambda: ours.decode_batch(batch, 1, "", NOON_US))})
    what = f"ORU R01 with 8 OBX, {len(MESSAGE)} bytes, from Python in batches of {BATCH:,}"
    emit(Figure("decode.batch", what, "nightlamp", __version__, "messages/s", "higher", INCLUDED, True, runs=runs[""]))


if __name__ == "__main__":
    main()
