"""Figures and their intervals: equal to scikit-learn's, to the utility's known answer, and honest in width."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from nightlamp.score.measure import calibration_error
from nightlamp.score.report import curves
from nightlamp.score.report.cohort import Cohort, age_band, lead_to_onset, service, sex
from nightlamp.score.report.groups import group
from nightlamp.score.report.resample import Ranking, draws, interval
from nightlamp.score.utility import onset_row, row_utility


def drawn(rows: int, people: int, seed: int, decimals: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Risk with ties, outcome, person."""
    draw = np.random.default_rng(seed)
    label = (draw.random(rows) < 0.2).astype(np.int8)
    risk = np.clip(draw.normal(0.3 + 0.2 * label, 0.2), 0, 1).round(decimals)
    return risk, label, np.sort(draw.integers(0, people, size=rows))


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_areas_under_weights_equal_scikit_learn_on_rows_repeated(decimals: int) -> None:
    risk, label, person = drawn(700, 60, 1, decimals)
    ranking = Ranking.of(risk, label, person)
    assert ranking.whole() == pytest.approx((roc_auc_score(label, risk), average_precision_score(label, risk)))
    for weight in draws(60, 20, seed=3):
        times = weight[person].astype(np.int64)
        again, outcome = np.repeat(risk, times), np.repeat(label, times)
        expected = (roc_auc_score(outcome, again), average_precision_score(outcome, again))
        assert ranking.auroc_auprc(weight) == pytest.approx(expected, abs=1e-12)


def test_one_outcome_alone_has_no_area() -> None:
    risk, _, person = drawn(50, 5, 2, 2)
    for label in (np.zeros(50, dtype=np.int8), np.ones(50, dtype=np.int8)):
        assert np.isnan(Ranking.of(risk, label, person).whole()).all()


def cohort(seed: int, stays: int) -> Cohort:
    """Stays of 10 to 40 hours; a fifth ends with the outcome; the risk knows something of it."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(10, 40, size=stays)
    bounds = np.cumsum([0, *lengths])
    hour = np.concatenate([np.arange(n) for n in lengths])
    begins = np.where(draw.random(stays) < 0.2, draw.integers(2, lengths), 10_000)
    stay = np.repeat(np.arange(stays), lengths)
    label = (hour >= begins[stay]).astype(np.int8)
    frailty = draw.normal(size=stays)[stay]
    risk = 1 / (1 + np.exp(-(-3 + 1.5 * label + frailty)))
    utility = row_utility(label, bounds)
    onset = onset_row(label, bounds)
    return Cohort(
        risk, label, stay, hour, lead_to_onset(onset, bounds), np.arange(stays), utility=utility, alarms=risk > 0.2
    )


def test_a_groups_figures_are_those_of_its_rows() -> None:
    of = cohort(1, 300)
    rows = of.stay % 2 == 0
    found = group(of, rows, draws(300, 50, seed=1))
    risk, label = of.risk[rows], of.label[rows]
    assert (found["rows"], found["patients"]) == (int(rows.sum()), 150)
    assert found["auroc"] == pytest.approx(roc_auc_score(label, risk))
    assert found["auprc"] == pytest.approx(average_precision_score(label, risk))
    assert found["brier"] == pytest.approx(np.mean((risk - label) ** 2))
    assert found["ece"] == pytest.approx(calibration_error(risk, label))
    assert found["ece_equal_mass"] == pytest.approx(calibration_error(risk, label, equal_mass=True))
    assert of.utility is not None
    assert of.alarms is not None
    assert found["utility"] == pytest.approx(of.utility.take(rows).normalised(of.alarms[rows]))
    for name in ("auroc", "auprc", "prevalence", "brier", "utility"):
        low, high = found["ci95"][name]
        assert low < found[name] < high, name


def test_the_utility_of_a_group_has_its_known_answer() -> None:
    label = np.array([0, 0, 0, 0, 1, 1] * 12, dtype=np.int8)  # twelve patients: fewer than ten have no figures
    bounds, stay = np.arange(0, 73, 6), np.repeat(np.arange(12), 6)
    alarms = np.tile([False, False, True, True, True, True], 12)
    risk = np.linspace(0.1, 0.2, 72)
    utility = row_utility(label, bounds)
    of = Cohort(risk, label, stay, np.arange(72), np.full(72, np.nan), np.arange(12), utility=utility, alarms=alarms)
    found = group(of, np.ones(72, dtype=np.bool_), draws(12, 50, seed=2))
    known = (3.388888888888889 + 2 / 9) / (3.388888888888889 + 5 / 6 + 2 / 9)
    assert found["utility"] == pytest.approx(known, abs=1e-12)
    assert found["ci95"]["utility"] == pytest.approx([known, known])  # all patients alike: nothing to be unsure of


def test_a_group_with_hardly_an_outcome_has_counts_and_no_figures() -> None:
    of = cohort(3, 60)
    few = of.stay < 20
    found = group(of, few, draws(60, 20, seed=1))
    assert found["event_patients"] < 10
    assert "auroc" not in found
    assert found["rows"] == int(few.sum())


def test_intervals_by_patient_are_as_wide_as_the_truth_spreads_and_wider_than_by_row() -> None:
    """The spread over cohorts drawn anew is the interval's; rows of one patient are not independent."""
    areas = []
    for seed in range(60):
        one = cohort(seed, 200)
        areas.append(Ranking.of(one.risk, one.label, one.stay).whole()[0])
    spread = np.std(areas)
    of = cohort(999, 200)
    ranking = Ranking.of(of.risk, of.label, of.stay)
    by_patient = ranking.resampled(draws(200, 300, seed=4))[:, 0]
    rows = len(of.risk)
    by_row = Ranking.of(of.risk, of.label, np.arange(rows)).resampled(draws(rows, 100, seed=4))[:, 0]
    assert by_patient.std() == pytest.approx(spread, rel=0.35)
    assert by_row.std() < 0.7 * by_patient.std()
    assert interval(np.full(10, np.nan)) is None


def test_curves_lie_on_those_of_scikit_learn() -> None:
    risk, label, _ = drawn(900, 30, 6, 2)
    found = curves.ranked(risk, label)
    fpr, tpr, _ = roc_curve(label, risk, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(label, risk)
    truth = set(zip(fpr.round(9), tpr.round(9), strict=True))
    assert all(point in truth for point in zip(np.round(found["fpr"], 9), np.round(found["tpr"], 9), strict=True))
    truth = set(zip(recall.round(9), precision.round(9), strict=True))
    points = zip(np.round(found["recall"], 9), np.round(found["precision"], 9), strict=True)
    assert all(point in truth for point in points)
    assert (found["fpr"][-1], found["tpr"][-1]) == (1.0, 1.0)


def test_net_benefit_is_what_is_won_less_what_is_lost() -> None:
    risk, label = np.array([0.1, 0.3, 0.5, 0.9]), np.array([0, 1, 0, 1], dtype=np.int8)
    found = curves.net_benefit(risk, label, np.array([0.2, 0.6]))
    assert found == pytest.approx([(2 - 0.2 / 0.8) / 4, 1 / 4])
    all_of_them = curves.decision(np.linspace(0, 1, 200), np.tile(np.array([0, 1], dtype=np.int8), 100), None)
    expected = [0.5 - 0.5 * t / (1 - t) for t in all_of_them["threshold"]]
    assert all_of_them["all"] == pytest.approx(expected)


def test_reliability_bins_hold_every_row_once() -> None:
    risk, label, _ = drawn(1000, 10, 8, 6)
    for equal_mass in (False, True):
        bins = curves.reliability(risk, label, equal_mass=equal_mass)
        assert sum(one["rows"] for one in bins) == 1000
        assert sum(one["events"] for one in bins) == int(label.sum())
        gap = sum(abs(one["mean_risk"] - one["share_with_outcome"]) * one["rows"] for one in bins if one["rows"])
        assert gap / 1000 == pytest.approx(calibration_error(risk, label, equal_mass=equal_mass))
    assert [one["rows"] for one in curves.reliability(risk, label, equal_mass=True)] == [100] * 10


def test_groups_say_what_was_not_recorded() -> None:
    nothing = float("nan")
    ages = age_band(np.array([14.0, 44.9, 45.0, 64.9, 65.0, 80.0, nothing]))
    assert ages.tolist() == [
        "under 45", "under 45", "45 to 64", "45 to 64", "65 to 79", "80 and over", "not recorded"
    ]  # fmt: skip
    assert sex(np.array([1.0, 0.0, nothing])).tolist() == ["male", "female", "not recorded"]
    medical, surgical = np.array([1.0, 0.0, 0.0, nothing]), np.array([0.0, 1.0, 0.0, nothing])
    assert service(medical, surgical).tolist() == ["medical", "surgical", "other", "not recorded"]
