"""The model and the rows that every forest is given: 300 trees x 31 leaves x 150 features, 30 % missing."""

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from tests.bench.runner import ROOT

TREES, LEAVES, FEATURES = 300, 31, 150
WHAT = f"{TREES} trees x {LEAVES} leaves x {FEATURES} features with NaN"


def model_and_rows() -> tuple[lgb.Booster, NDArray[np.float32]]:
    """Trained by lightgbm from a seed, once for each of its versions; the rows are 20,000 x 150."""
    kept = ROOT / f".cache/forest-{lgb.__version__}.txt"
    rng = np.random.default_rng(7)
    x = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    x[rng.random(x.shape) < 0.3] = np.nan
    weights = rng.normal(size=FEATURES)
    y = (np.nan_to_num(x) @ weights + rng.normal(size=len(x)) * 4 > 6).astype(int)
    if not kept.exists():
        # One thread: two on a busy machine spin for each other, and the model is to be the same every time.
        params = {"objective": "binary", "num_leaves": LEAVES, "verbose": -1, "num_threads": 1, "seed": 7}
        kept.parent.mkdir(exist_ok=True)
        lgb.train(params, lgb.Dataset(x, y), TREES).save_model(kept)
    return lgb.Booster(model_file=kept), x
