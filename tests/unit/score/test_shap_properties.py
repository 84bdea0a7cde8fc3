"""TreeSHAP on random models: equal to lightgbm's `pred_contrib`, and every row's shares add up to its raw score."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from numpy.typing import NDArray

from nightlamp._core import Forest

ROWS_TRAINED, ROWS_EXPLAINED = 1_200, 24


def random_model(rng: np.random.Generator) -> tuple[lgb.Booster, NDArray[np.float32]]:
    """A booster with random shape, missing handling and categories, and rows as wild as its training rows."""
    features = int(rng.integers(1, 30))
    x = rng.normal(size=(ROWS_TRAINED, features)) * np.exp(rng.normal(size=features) * 3)
    categorical = [int(c) for c in np.flatnonzero(rng.random(features) < 0.25)]
    x[:, categorical] = rng.integers(0, int(rng.integers(2, 60)), size=(ROWS_TRAINED, len(categorical)))
    x[rng.random(x.shape) < rng.random() * 0.3] = 0.0
    x[rng.random(x.shape) < rng.random() * 0.6] = np.nan
    x = x.astype(np.float32)
    known = np.nan_to_num(x.astype(np.float64))
    y = (known[:, 0] + known @ rng.normal(size=features) + np.isnan(x[:, 0]) > 0).astype(int)
    y[: ROWS_TRAINED // 10] ^= 1
    params: dict[str, Any] = {
        "objective": "binary",
        "verbose": -1,
        "num_threads": 1,
        "seed": int(rng.integers(1 << 30)),
        "num_leaves": int(rng.integers(2, 130)),
        "min_data_in_leaf": int(rng.integers(1, 60)),
        "min_data_per_group": 5,
        "max_cat_to_onehot": int(rng.integers(1, 30)),
        "zero_as_missing": bool(rng.random() < 0.3),
        "use_missing": bool(rng.random() < 0.85),
    }
    data = lgb.Dataset(x.astype(np.float64), y, categorical_feature=categorical, params=dict(params))
    return lgb.train(params, data, int(rng.integers(1, 25))), x


@pytest.mark.parametrize("seed", range(40))
def test_shares_equal_lightgbm_and_add_up_to_the_raw_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    booster, x = random_model(rng)
    rows = x[rng.integers(0, len(x), ROWS_EXPLAINED)]
    rows[rng.random(rows.shape) < 0.1] = np.nan
    forest = Forest(booster.model_to_string().encode())
    width = x.shape[1]
    got = np.frombuffer(forest.shap(rows, width), dtype=np.float64).reshape(len(rows), width + 1)
    expected = np.asarray(booster.predict(rows.astype(np.float64), pred_contrib=True, num_threads=1))
    assert np.abs(got - expected).max() <= 1e-9
    raw = np.frombuffer(forest.predict_raw(rows, width), dtype=np.float64)
    assert np.abs(got.sum(axis=1) - raw).max() <= 1e-9
    alone = np.concatenate([np.frombuffer(forest.shap(row, width), dtype=np.float64) for row in rows])
    assert (alone == got.ravel()).all(), "a row's shares depend on the rows beside it"
    portable = Forest(booster.model_to_string().encode(), "portable")
    assert np.abs(np.frombuffer(portable.shap(rows, width), dtype=np.float64) - got.ravel()).max() <= 1e-12
