"""The native forest equals the lightgbm package: raw scores within 1e-12, the same leaves, TreeSHAP within 1e-9."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from numpy.typing import NDArray

from nightlamp._core import Forest

#: Rows per model: with the models below more than 100,000 in all.
ROWS = 9_000
FEATURES = 24
CATEGORICAL = [3, 11]

#: name -> (training parameters, data parameters, number of trees)
MODELS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "plain": ({"num_leaves": 31}, {}, 100),
    "no_missing_handling": ({"num_leaves": 31}, {"use_missing": False}, 60),
    "zero_as_missing": ({"num_leaves": 31}, {"zero_as_missing": True}, 60),
    "categorical": ({"num_leaves": 31, "min_data_per_group": 5, "cat_smooth": 1.0}, {}, 60),
    "categorical_one_hot": ({"num_leaves": 15, "max_cat_to_onehot": 100}, {}, 60),
    "small_trees": ({"num_leaves": 4}, {}, 200),
    "two_words": ({"num_leaves": 64, "min_data_in_leaf": 3}, {}, 40),
    "forty_leaves_zero_as_missing": ({"num_leaves": 40, "min_data_in_leaf": 3}, {"zero_as_missing": True}, 40),
    "deep": ({"num_leaves": 255, "min_data_in_leaf": 1}, {}, 30),
    "deep_categorical": ({"num_leaves": 255, "min_data_in_leaf": 1, "min_data_per_group": 2}, {}, 20),
    "stumps_of_one_leaf": ({"num_leaves": 31, "min_data_in_leaf": 4_000}, {}, 5),
    "dart": ({"num_leaves": 31, "boosting": "dart", "drop_rate": 0.3}, {}, 40),
    "random_forest": ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6, "feature_fraction": 0.7}, {}, 30),
    "goss_sigmoid_2": ({"data_sample_strategy": "goss", "sigmoid": 2.0}, {}, 40),
    "cross_entropy": ({"objective": "cross_entropy"}, {}, 30),
}


def rows(seed: int, n: int) -> NDArray[np.float32]:
    """Rows as a ward gives them: many missing, many exact zeros, integers, wide ranges, values at the edge of zero."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, FEATURES))
    x[:, 4:8] = np.round(x[:, 4:8] * 3)
    x[:, 8:10] *= np.exp(rng.normal(size=(n, 2)) * 8)
    x[rng.random(x.shape) < 0.1] = 0.0
    x[rng.random(x.shape) < 0.02] = 5e-36
    x[rng.random(x.shape) < 0.02] = -2e-35
    x[:, CATEGORICAL] = rng.integers(0, 70, size=(n, 2))
    x[:, 12:][rng.random((n, FEATURES - 12)) < 0.6] = np.nan
    x[:, :12][rng.random((n, 12)) < 0.1] = np.nan
    return x.astype(np.float32)


def strange_rows(seed: int, n: int) -> NDArray[np.float32]:
    """What serving may meet and training never saw."""
    rng = np.random.default_rng(seed)
    x = rows(seed, n)
    odd = np.array(
        [np.inf, -np.inf, 3.4e38, -3.4e38, 1e-45, -1e-45, -1.0, -0.5, 1e10, 70.0, 31.0, 32.0, -0.0], dtype=np.float32
    )
    where = rng.random(x.shape) < 0.15
    x[where] = rng.choice(odd, size=int(where.sum()))
    return x


@pytest.fixture(scope="module", params=list(MODELS))
def booster(request: pytest.FixtureRequest) -> lgb.Booster:
    params, data_params, trees = MODELS[request.param]
    x = rows(1, 4_000).astype(np.float64)
    rng = np.random.default_rng(2)
    signal = np.nan_to_num(x[:, 0]) + np.isnan(x[:, 14]) + (x[:, 3] % 7 < 3) * (x[:, 5] > 0)
    signal -= np.nan_to_num(x[:, 20]) * (x[:, 6] == 0)
    y = (signal + rng.normal(size=len(x)) > 0.8).astype(int)
    base = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 3, "deterministic": True}
    categorical: Any = (
        CATEGORICAL if "categorical" in request.param or request.param in {"plain", "two_words"} else "auto"
    )
    data = lgb.Dataset(x, y, categorical_feature=categorical, params={"verbose": -1, **data_params})
    return lgb.train({**base, **params, **data_params}, data, trees)


def native(booster: lgb.Booster, isa: str | None = None) -> Forest:
    return Forest(booster.model_to_string().encode(), isa)


@pytest.mark.parametrize("isa", ["portable", "avx2", "avx512"])
def test_raw_scores_equal_lightgbm(booster: lgb.Booster, isa: str) -> None:
    x = np.concatenate([rows(10, ROWS - 2_000), strange_rows(11, 2_000)])
    expected = booster.predict(x.astype(np.float64), raw_score=True, num_threads=1)
    forest = native(booster, isa)
    got = np.frombuffer(forest.predict_raw(x, FEATURES), dtype=np.float64)
    assert np.abs(got - expected).max() <= 1e-12
    one_by_one = [np.frombuffer(forest.predict_raw(row, FEATURES))[0] for row in x[-300:]]
    assert one_by_one == list(got[-300:]), "single rows and batches differ"


def test_leaves_equal_lightgbm(booster: lgb.Booster) -> None:
    x = np.concatenate([rows(12, 1_000), strange_rows(13, 1_000)])
    expected = np.asarray(booster.predict(x.astype(np.float64), pred_leaf=True, num_threads=1)).reshape(len(x), -1)
    forest = native(booster)
    got = np.frombuffer(forest.predict_leaf(x, FEATURES), dtype=np.uint32).reshape(len(x), forest.n_trees)
    assert (got == expected).all()
    assert np.frombuffer(forest.predict_leaf(x[7], FEATURES), dtype=np.uint32).tolist() == got[7].tolist()


def test_shap_equals_pred_contrib(booster: lgb.Booster) -> None:
    x = np.concatenate([rows(14, 60), strange_rows(15, 60)])
    expected = np.asarray(booster.predict(x.astype(np.float64), pred_contrib=True, num_threads=1))
    got = np.frombuffer(native(booster).shap(x, FEATURES), dtype=np.float64).reshape(len(x), FEATURES + 1)
    assert np.abs(got - expected).max() <= 1e-9


def test_probabilities_equal_lightgbm(booster: lgb.Booster) -> None:
    x = rows(16, 200)
    forest = native(booster)
    expected = booster.predict(x.astype(np.float64), num_threads=1)
    got = [forest.probability(raw) for raw in np.frombuffer(forest.predict_raw(x, FEATURES), dtype=np.float64)]
    assert np.abs(np.array(got) - expected).max() <= 1e-12


def test_rows_of_float64_are_rounded_to_float32(booster: lgb.Booster) -> None:
    x = rows(17, 100)
    forest = native(booster)
    assert forest.predict_raw(x.astype(np.float64), FEATURES) == forest.predict_raw(x, FEATURES)
