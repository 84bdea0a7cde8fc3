"""Fitting: rows from the serving engine, LightGBM on them, out-of-fold raw scores by the serving forest.

Deterministic: the same recording and recipe give the same model text, byte for byte (seeded, `deterministic`, a fixed
number of threads; LightGBM promises this for one version of it on one kind of machine). Memory: the rows once as
float32 (1.24 million x 226: 1.1 GB) and once binned. The bins' edges are those of all rows, held-out ones included:
they see no label. An ensemble's boosters differ in seed, in the rows without the outcome that they see, and in what
their recipe says; their mean is one LightGBM text (merge.py).
"""

from collections.abc import Callable

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from nightlamp._core import Forest
from nightlamp.score import merge
from nightlamp.score.labels import Labels
from nightlamp.score.recipe import Booster, Recipe
from nightlamp.score.recording import Recording
from nightlamp.score.rows import Report, engine_rows


def feature_rows(recipe: Recipe, recording: Recording, report: Report) -> NDArray[np.float32]:
    """Rows x features of the recipe's plan as the engine serves them (P8)."""
    return engine_rows(recipe.engine(), recording, report)


def dataset(recipe: Recipe, rows: NDArray[np.float32]) -> lgb.Dataset:
    """The rows, binned once for all boosters; a booster brings its own label."""
    engine = recipe.engine()
    nothing = np.zeros(len(rows), dtype=np.float32)
    data = lgb.Dataset(
        rows,
        nothing,
        feature_name=engine.feature_names(),
        categorical_feature=engine.categorical(),
        params=recipe.parameters(),
        free_raw_data=True,
    )
    return data.construct()


def booster_text(
    booster: Booster, data: lgb.Dataset, seen: NDArray[np.bool_], labels: Labels, bounds: NDArray[np.int64]
) -> str:
    """One booster on the rows `seen`: all of them with its label, a share of the others drawn by its seed."""
    target = labels.earlier(booster.early_h, bounds)
    drawn = np.random.default_rng(booster.seed).random(len(target)) < booster.negatives
    used = np.flatnonzero(seen & labels.asked & ((target == 1) | drawn))
    part = data.subset(used.tolist(), params=booster.parameters).construct()
    part.set_label(target[used])
    return str(lgb.train(booster.parameters, part, num_boost_round=booster.trees).model_to_string())


def model_text(
    recipe: Recipe,
    data: lgb.Dataset,
    seen: NDArray[np.bool_],
    labels: Labels,
    bounds: NDArray[np.int64],
    progress: Callable[[], None],
) -> bytes:
    """The ensemble fitted on the rows `seen`, as one LightGBM text; `progress` is called after each booster."""
    texts = []
    for booster in recipe.boosters():
        texts.append(booster_text(booster, data, seen, labels, bounds))
        progress()
    return merge.mean_of(texts).encode()


def raw_scores(model: bytes, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-odds by the forest that serves."""
    return np.frombuffer(Forest(model).predict_raw(np.ascontiguousarray(rows), rows.shape[1]), dtype=np.float64)


def out_of_fold(
    recipe: Recipe,
    data: lgb.Dataset,
    rows: NDArray[np.float32],
    labels: Labels,
    bounds: NDArray[np.int64],
    fold: NDArray[np.int64],
    progress: Callable[[], None],
) -> NDArray[np.float64]:
    """The raw score of each row, asked or not, from a model that never saw its patient; `fold` is each row's."""
    raw = np.empty(len(rows))
    for k in range(recipe.folds):
        model = model_text(recipe, data, fold != k, labels, bounds, progress)
        raw[fold == k] = raw_scores(model, rows[fold == k])
    return raw
