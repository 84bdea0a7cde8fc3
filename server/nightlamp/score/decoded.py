"""Recorded values through the decode stage that serves: code lookup, unit conversion, plausible range (P7, P8).

What an adapter reads is understood as if the same values had been sent as device JSON. What is refused there is missing
here, and counted by code, unit and reason. About 7 million values a second; memory: some 40 bytes a value.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nightlamp._core import Decoder

#: `word_of_row` of a row that has a number.
NO_WORD = 0xFFFFFFFF
#: Most lines of `by_reason`.
REASONS_MAX = 50


@dataclass(frozen=True)
class Dropped:
    """Rows refused for one reason, of one code and unit."""

    code: int
    """Index into the codes."""
    unit: int
    """Index into the units."""
    reason: str
    """A name of the error table: unknown_code, missing_unit, unknown_unit, implausible, ..."""
    detail: str
    """What was expected; repeats no value."""
    first_row: int
    rows: int


@dataclass(frozen=True)
class Understood:
    """One entry a row in the order given; `signal` and `value` mean something where `kept`."""

    kept: NDArray[np.bool_]
    signal: NDArray[np.uint16]
    value: NDArray[np.float64]
    dropped: list[Dropped]


def understand(
    decoder: Decoder,
    codes: Sequence[tuple[str, str]],
    units: Sequence[str],
    code_of_row: NDArray[np.uint32],
    unit_of_row: NDArray[np.uint32],
    values: NDArray[np.float64],
    words: Sequence[str] = (),
    word_of_row: NDArray[np.uint32] | None = None,
) -> Understood:
    """Rows by the decoder's catalogue and the site's code map; `codes` are (system, code), NaN is no value."""
    made = decoder.recorded(
        list(codes), list(units), code_of_row, unit_of_row, values, words=list(words), word_of_row=word_of_row
    )
    return Understood(
        kept=np.frombuffer(made["reason"], dtype=np.uint32) == 0,
        signal=np.frombuffer(made["signal"], dtype=np.uint16),
        value=np.frombuffer(made["value"], dtype=np.float64),
        dropped=[Dropped(**row) for row in made["dropped"]],
    )


def by_reason(dropped: Sequence[Dropped]) -> dict[str, int]:
    """Counts by reason and what was expected, most first, for manifest and card; at most `REASONS_MAX` lines."""
    counts: dict[str, int] = {}
    for row in dropped:
        text = f"{row.reason}: {row.detail}"
        counts[text] = counts.get(text, 0) + row.rows
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    shown = dict(ordered[:REASONS_MAX])
    if rest := sum(count for _, count in ordered[REASONS_MAX:]):
        shown["other reasons"] = rest
    return shown
