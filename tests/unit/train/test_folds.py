"""Folds are by patient, seeded, and alike in hospital and outcome."""

import numpy as np

from nightlamp.score.folds import group_folds, patient_folds

SITE = np.array(["A"] * 613 + ["B"] * 388)
SEPTIC = np.random.default_rng(1).random(1001) < 0.08


def test_no_patient_stands_in_two_folds_and_none_in_no_fold() -> None:
    row_patient = np.repeat(np.arange(1001), 5)
    fold = patient_folds(SITE, SEPTIC, 5, seed=7)[row_patient]
    patients = [set(row_patient[fold == k].tolist()) for k in range(5)]
    assert sum(len(one) for one in patients) == 1001
    assert set.union(*patients) == set(range(1001))


def test_folds_are_alike_in_hospital_and_outcome() -> None:
    fold = patient_folds(SITE, SEPTIC, 5, seed=7)
    for site in "AB":
        for septic in (True, False):
            sizes = np.bincount(fold[(site == SITE) & (septic == SEPTIC)], minlength=5)
            assert sizes.max() - sizes.min() <= 1


def test_folds_follow_the_seed() -> None:
    once, again = (patient_folds(SITE, SEPTIC, 5, seed=7) for _ in range(2))
    assert (once == again).all()
    assert (once != patient_folds(SITE, SEPTIC, 5, seed=8)).any()


def test_numbers_of_one_person_stand_in_one_fold() -> None:
    group = np.random.default_rng(2).integers(0, 400, size=1001)
    fold = group_folds(group, SITE, SEPTIC, 5, seed=7)
    assert all(len(set(fold[group == one].tolist())) == 1 for one in np.unique(group))
    assert np.bincount(fold, minlength=5).min() > 150
    assert (group_folds(np.arange(1001), SITE, SEPTIC, 5, seed=7) == patient_folds(SITE, SEPTIC, 5, seed=7)).all()
