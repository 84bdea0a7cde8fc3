"""The forest from Python, one thread: batches of 64 and one row with every instruction set there is, and TreeSHAP.

Run it: python -m tests.bench.forest. Raw scores are compared with lightgbm first (within 1e-12), and the instruction
sets with each other bit for bit. The peers stand in tests/bench/peers/forest.py.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nightlamp._core import Forest, __version__
from tests.bench.figures import Side, compare, seconds_a_call
from tests.bench.forest_model import FEATURES, WHAT, model_and_rows

NAMES = {"avx512": "AVX-512", "avx2": "AVX2", "portable": "portable"}
SHAP_ROWS = 64


def forests(text: bytes) -> dict[str, Forest]:
    """By the name of the instruction set, as far as this processor has them; the best first."""
    made = {name: Forest(text, isa) for isa, name in NAMES.items()}
    return {name: forest for name, forest in made.items() if NAMES[forest.isa] == name}


def checked(found: dict[str, Forest], rows: NDArray[np.float32], expected: NDArray[np.float64]) -> None:
    """Raises AssertionError unless all agree with lightgbm, and with each other to the last bit."""
    scores = [forest.predict_raw(rows, FEATURES) for forest in found.values()]
    assert np.abs(np.frombuffer(scores[0]) - expected).max() <= 1e-12
    assert len(set(scores)) == 1, "the instruction sets differ"


def rate(rows: int, work: Callable[[], object]) -> Callable[[], float]:
    """Measures rows a second."""
    return lambda: rows / seconds_a_call(work)


def sides(found: dict[str, Forest], rows: NDArray[np.float32]) -> list[Side]:
    """Rows a second of each instruction set."""

    def side(name: str, forest: Forest) -> Side:
        work = rate(len(rows), lambda: forest.predict_raw(rows, FEATURES))
        return Side(f"nightlamp, {name}", __version__, work, "raw score, float32 rows from Python", True)

    return [side(name, forest) for name, forest in found.items()]


def main() -> None:
    """Measure and print."""
    booster, x = model_and_rows()
    found = forests(booster.model_to_string().encode())
    checked(found, x[:8_192].copy(), booster.predict(x[:8_192].astype(np.float64), raw_score=True))
    compare("forest.ours.64", f"{WHAT}, batches of 64", "rows/s", "higher", sides(found, x[:64].copy()))
    one = x[:1].copy()
    single = [
        Side(f"nightlamp, {name}", __version__, _us(forest, one), "one row, the call from Python included", True)
        for name, forest in found.items()
    ]
    compare("forest.ours.1", f"{WHAT}, one row", "us", "lower", single)
    rows = x[:SHAP_ROWS].copy()
    best = next(iter(found.values()))
    shap = rate(SHAP_ROWS, lambda: best.shap(rows, FEATURES))
    ours = Side("nightlamp", __version__, shap, "exact TreeSHAP, all contributions", True)
    compare("shap.ours", f"{WHAT}, TreeSHAP, batches of {SHAP_ROWS}", "rows/s", "higher", [ours])


def _us(forest: Forest, one: NDArray[np.float32]) -> Callable[[], float]:
    return lambda: seconds_a_call(lambda: forest.predict_raw(one, FEATURES)) * 1e6


if __name__ == "__main__":
    main()
