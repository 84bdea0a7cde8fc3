"""A model the forest cannot serve is refused with the reason, and a wrong shape never scores."""

import lightgbm as lgb
import numpy as np
import pytest

from nightlamp._core import Forest

X = np.random.default_rng(1).normal(size=(500, 4))


def text(params: dict[str, object]) -> bytes:
    y = (X[:, 0] > 0).astype(int) + (2 * (X[:, 1] > 0) if params.get("num_class") else 0)
    base = {"verbose": -1, "num_leaves": 4, "num_threads": 1, **params}
    return lgb.train(base, lgb.Dataset(X, y, params=dict(base)), 3).model_to_string().encode()


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"objective": "multiclass", "num_class": 4}, "num_class is 4"),
        ({"objective": "regression"}, "objective regression"),
        ({"objective": "binary", "linear_tree": True}, "linear leaves"),
    ],
)
def test_unsupported_models_name_the_reason(params: dict[str, object], reason: str) -> None:
    model = text(params)
    assert reason in (Forest.why_unsupported(model) or "")
    with pytest.raises(ValueError, match=reason):
        Forest(model)


def test_a_truncated_model_is_refused_at_every_length() -> None:
    model = text({"objective": "binary"})
    end = model.index(b"end of trees")
    assert all(Forest.why_unsupported(model[:cut]) for cut in range(0, end, 7))
    assert Forest.why_unsupported(model) is None


def test_wrong_shapes_are_refused() -> None:
    forest = Forest(text({"objective": "binary"}))
    with pytest.raises(ValueError, match="3 features"):
        forest.predict_raw(np.zeros((2, 3), dtype=np.float32), 3)
    with pytest.raises(ValueError, match="not"):
        forest.predict_raw(np.zeros(7, dtype=np.float32), 4)
    with pytest.raises(ValueError, match="float32 or float64"):
        forest.predict_raw(np.zeros((2, 4), dtype=np.int32), 4)
    with pytest.raises(ValueError, match="C-contiguous"):
        forest.predict_raw(np.zeros((4, 2), dtype=np.float32).T, 4)
