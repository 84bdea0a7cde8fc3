"""The model and the rows that every forest is given: 300 trees x 31 leaves x 150 features, 30 % missing."""

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

TREES, LEAVES, FEATURES = 300, 31, 150
WHAT = f"{TREES} trees x {LEAVES} leaves x {FEATURES} features with NaN"


def model_and_rows() -> tuple[lgb.Booster, NDArray[np.float32]]:
    """Trained by lightgbm from a seed; the rows are 20,000 x 150."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    x[rng.random(x.shape) < 0.3] = np.nan
    weights = rng.normal(size=FEATURES)
    y = (np.nan_to_num(x) @ weights + rng.normal(size=len(x)) * 4 > 6).astype(int)
    params = {"objective": "binary", "num_leaves": LEAVES, "verbose": -1, "num_threads": 2, "seed": 7}
    return lgb.train(params, lgb.Dataset(x, y), TREES), x
