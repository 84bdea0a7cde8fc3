"""The challenge's utility has its published value, and thresholds found on it are the best there are."""

import numpy as np
import pytest

from nightlamp.score.utility import onset_row, row_utility


def test_the_utility_has_its_known_answer() -> None:
    label = np.array([0, 0, 0, 0, 1, 1], dtype=np.int8)
    bounds = np.array([0, 6])
    alarms = np.array([0, 0, 1, 1, 1, 1], dtype=np.bool_)
    utility = row_utility(label, bounds)
    assert utility.total(alarms) == pytest.approx(3.388888888888889, abs=1e-12)
    # The best alarms on all six rows: 1/3 and 1/2 more; silence is worth -2/9.
    assert utility.normalised(alarms) == pytest.approx(
        (3.388888888888889 + 2 / 9) / (3.388888888888889 + 5 / 6 + 2 / 9)
    )
    assert onset_row(label, bounds).tolist() == [10]


def naive(labels: list[int], alarms: list[bool]) -> float:
    """The table of reference/clinical.md, row by row."""
    total, septic = 0.0, 1 in labels
    onset = labels.index(1) + 6 if septic else 0
    for t, alarm in enumerate(alarms):
        d = t - onset
        if not septic:
            total += -0.05 if alarm else 0.0
        elif d <= 3:
            if alarm:
                total += max((d + 12) / 6, -0.05) if d <= -6 else -(d - 3) / 9
            else:
                total += 0.0 if d <= -6 else -2 * (d + 6) / 9
    return total


def cohort(seed: int) -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
    draw = np.random.default_rng(seed)
    labels = []
    for _ in range(40):
        n = int(draw.integers(8, 60))
        onset = int(draw.integers(0, n)) if draw.random() < 0.4 else n
        labels.append([0] * onset + [1] * (n - onset))
    bounds = np.cumsum([0, *map(len, labels)])
    return np.concatenate(labels).astype(np.int8), bounds, labels


def test_a_cohorts_utility_is_the_sum_of_its_patients() -> None:
    label, bounds, labels = cohort(3)
    utility = row_utility(label, bounds)
    alarms = np.random.default_rng(4).random(len(label)) < 0.3
    parts = [naive(one, alarms[a:b].tolist()) for one, a, b in zip(labels, bounds[:-1], bounds[1:], strict=True)]
    assert utility.total(alarms) == pytest.approx(sum(parts), abs=1e-9)
    assert utility.normalised(np.zeros(len(label), dtype=np.bool_)) == 0.0


def test_the_threshold_found_is_the_best_of_all() -> None:
    label, bounds, _ = cohort(5)
    utility = row_utility(label, bounds)
    risk = np.round(np.random.default_rng(6).random(len(label)) * 0.5 + label * 0.3, 2)  # many ties
    found = utility.best_threshold(risk)
    best = max(utility.normalised(risk >= t) for t in [*np.unique(risk), 2.0])
    assert utility.normalised(risk >= found) == pytest.approx(best, abs=1e-12)


def test_no_alarm_is_raised_where_none_pays() -> None:
    label, bounds = np.zeros(20, dtype=np.int8), np.array([0, 20])
    risk = np.linspace(0, 1, 20)
    assert not (risk >= row_utility(label, bounds).best_threshold(risk)).any()
