"""nightlamp's forest beside lightgbm's predict: the same model and rows, one thread each, in one run.

Run it: python -m tests.bench.forest [--json]. 300 trees x 31 leaves x 150 features, 30 % NaN; medians of 7 rounds.
"""

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np

from nightlamp._core import Forest

TREES, LEAVES, FEATURES, BATCH, ROUNDS = 300, 31, 150, 256, 7


def model_and_rows() -> tuple[lgb.Booster, Any]:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    x[rng.random(x.shape) < 0.3] = np.nan
    weights = rng.normal(size=FEATURES)
    y = (np.nan_to_num(x) @ weights + rng.normal(size=len(x)) * 4 > 6).astype(int)
    params = {"objective": "binary", "num_leaves": LEAVES, "verbose": -1, "num_threads": 2, "seed": 7}
    return lgb.train(params, lgb.Dataset(x, y), TREES), x


def seconds(work: Callable[[], object], at_least_s: float = 0.15) -> float:
    """Median seconds of one call."""
    work()
    medians = []
    for _ in range(ROUNDS):
        calls, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < at_least_s:
            work()
            calls += 1
        medians.append(spent / calls)
    return statistics.median(medians)


def main() -> None:
    booster, x = model_and_rows()
    text = booster.model_to_string().encode()
    batch, one = x[:BATCH].copy(), x[:1].copy()
    batch64, one64 = batch.astype(np.float64), one.astype(np.float64)
    theirs = BATCH / seconds(lambda: booster.predict(batch64, raw_score=True, num_threads=1))
    theirs_one = seconds(lambda: booster.predict(one64, raw_score=True, num_threads=1))
    theirs_shap = seconds(lambda: booster.predict(batch64[:8], pred_contrib=True, num_threads=1)) / 8
    result: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "lightgbm": lgb.__version__,
        "model": f"{TREES} trees x {LEAVES} leaves x {FEATURES} features, NaN",
        "lightgbm_rows_per_s": theirs,
        "lightgbm_one_row_us": theirs_one * 1e6,
        "lightgbm_contrib_us": theirs_shap * 1e6,
    }
    best = Forest(text).isa
    for isa in ("avx512", "avx2", "portable"):
        forest = Forest(text, isa)
        if forest.isa != isa:
            continue
        expected = booster.predict(batch64, raw_score=True, num_threads=1)
        assert np.abs(np.frombuffer(forest.predict_raw(batch, FEATURES)) - expected).max() <= 1e-12
        ours = BATCH / seconds(lambda forest=forest: forest.predict_raw(batch, FEATURES))
        result[f"{isa}_rows_per_s"] = ours
        result[f"{isa}_ratio"] = ours / theirs
    forest = Forest(text)
    ours_one = seconds(lambda: forest.predict_raw(one, FEATURES))
    ours_shap = seconds(lambda: forest.shap(batch[:8], FEATURES)) / 8
    result |= {
        "one_row_us": ours_one * 1e6,
        "one_row_ratio": theirs_one / ours_one,
        "shap_us": ours_shap * 1e6,
        "shap_ratio": theirs_shap / ours_shap,
    }
    if "--json" in sys.argv:
        print(json.dumps(result))
        return
    print(f"forest: {result['model']}; lightgbm {lgb.__version__}, one thread each, batches of {BATCH}")
    print(f"  lightgbm   {theirs:>12,.0f} rows/s")
    for isa in ("avx512", "avx2", "portable"):
        if f"{isa}_rows_per_s" in result:
            chosen = "  <- chosen here" if isa == best else ""
            print(f"  {isa:<10} {result[f'{isa}_rows_per_s']:>12,.0f} rows/s   {result[f'{isa}_ratio']:6.1f} x{chosen}")
    for what, mine, other in (("one row", ours_one, theirs_one), ("shap", ours_shap, theirs_shap)):
        print(f"  {what:<10} {mine * 1e6:9.1f} us a row, lightgbm {other * 1e6:9.1f} us   {other / mine:6.1f} x")


if __name__ == "__main__":
    main()
