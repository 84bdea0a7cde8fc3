"""Calibration, its error, and alert budgets are what they say, on data whose answer is known."""

import numpy as np
import pytest

from nightlamp.score import calibrate
from nightlamp.score.budget import Stays
from nightlamp.score.measure import calibration_error


def test_platt_finds_the_logistic_function_that_made_the_labels() -> None:
    draw = np.random.default_rng(1)
    raw = draw.normal(size=200_000) * 2
    label = (draw.random(len(raw)) < 1 / (1 + np.exp(-(0.7 * raw - 1.5)))).astype(np.int8)
    platt = calibrate.fit(raw, label)
    assert platt.a == pytest.approx(0.7, abs=0.02)
    assert platt.b == pytest.approx(-1.5, abs=0.02)
    assert platt.apply(raw).mean() == pytest.approx(label.mean(), abs=1e-9)  # what log loss at its least implies


def test_a_score_that_falls_with_the_outcome_is_not_calibrated() -> None:
    raw = np.linspace(-3, 3, 1000)
    falling = (raw + np.random.default_rng(2).normal(size=1000) < 0).astype(np.int8)
    with pytest.raises(ValueError, match="does not rise"):
        calibrate.fit(raw, falling)
    with pytest.raises(ValueError, match="with and without"):
        calibrate.fit(raw, np.zeros(1000, dtype=np.int8))


def test_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    risk = np.array([0.05, 0.05, 0.15, 0.15, 1.0])
    label = np.array([0, 0, 0, 1, 1], dtype=np.int8)
    assert calibration_error(risk, label) == pytest.approx((0.1 + 0.7 + 0.0) / 5)
    assert calibration_error(np.full(1000, 0.25), np.tile([0, 0, 0, 1], 250).astype(np.int8)) == 0.0


def stays() -> Stays:
    """A septic patient (onset at hour 8), one with two false episodes, one silent; hours 0 to 11."""
    septic = [0.1, 0.1, 0.6, 0.7, 0.6, 0.6, 0.6, 0.1, 0.1, 0.1, 0.1, 0.1]
    false = [0.6, 0.1, 0.6, 0.1, 0.1, 0.1, 0.6, 0.6, 0.4, 0.6, 0.1, 0.1]
    silent = [0.1] * 12
    risk = np.array(septic + false + silent)
    return Stays.of(risk, np.array([0, 12, 24, 36]), np.array([8, -1, -1]))


def test_episodes_open_clear_and_stay_silent_for_the_lockout() -> None:
    opened = stays().openings(enter=0.5, clear=0.25, lockout_h=4)
    # The false one clears at 1, is silent before 5, opens at 6, and 0.4 does not clear it.
    assert sorted(zip(opened.stay.tolist(), opened.hour.tolist(), strict=True)) == [(0, 2), (1, 0), (1, 6)]
    assert opened.right.tolist() == [stay == 0 for stay in opened.stay]


def by_the_book(risk: np.ndarray, enter: float, clear: float, lockout_h: int) -> list[int]:
    """The hours at which episodes of one stay open, as the alert stage would."""
    hours, is_open, silent_until = [], False, 0
    for hour, now in enumerate(risk):
        if is_open:
            if now <= clear:
                is_open, silent_until = False, hour + lockout_h
        elif now >= enter and hour >= silent_until:
            is_open = True
            hours.append(hour)
    return hours


def test_stays_of_all_lengths_with_gaps_open_as_one_by_one() -> None:
    draw = np.random.default_rng(5)
    lengths = draw.integers(1, 50, size=200)
    bounds = np.cumsum([0, *lengths])
    risk = draw.random(int(bounds[-1])).round(2)
    risk[draw.random(len(risk)) < 0.1] = np.nan
    onset = np.where(draw.random(200) < 0.3, lengths + 2, -1)
    opened = Stays.of(risk, bounds, onset).openings(0.9, 0.6, 5)
    got = sorted(zip(opened.stay.tolist(), opened.hour.tolist(), opened.lead_h.tolist(), strict=True))
    expected = [
        (stay, hour, float(onset[stay] - hour) if onset[stay] >= 0 else float("nan"))
        for stay in range(200)
        for hour in by_the_book(risk[bounds[stay] : bounds[stay + 1]], 0.9, 0.6, 5)
    ]
    assert len(expected) > 200
    assert repr(got) == repr(expected)


def test_what_alerts_are_worth_is_counted_by_alert_and_by_patient() -> None:
    budget = stays().at(enter=0.5, clear_share=0.5, lockout_h=4)
    assert budget.episodes_per_100_patient_days == pytest.approx(3 / 36 * 2400)
    assert (budget.ppv_alert, budget.ppv_patient) == (pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert (budget.number_needed_to_evaluate, budget.sensitivity) == (pytest.approx(3.0), 1.0)
    assert budget.lead_h_median == 6.0


def test_a_budget_is_kept_and_used() -> None:
    draw = np.random.default_rng(3)
    lengths = draw.integers(8, 60, size=300)
    bounds = np.cumsum([0, *lengths])
    many = Stays.of(draw.beta(1, 20, size=int(bounds[-1])), bounds, np.full(300, -1))
    for wanted in (2.0, 20.0):
        found = many.for_budget(wanted, clear_share=0.5, lockout_h=6)
        assert wanted * 0.8 < found.episodes_per_100_patient_days <= wanted


def test_a_budget_no_lower_threshold_above_it_would_break() -> None:
    draw = np.random.default_rng(7)
    lengths = draw.integers(8, 60, size=300)
    bounds = np.cumsum([0, *lengths])
    many = Stays.of(draw.beta(1, 20, size=int(bounds[-1])), bounds, np.full(300, -1))
    found = many.threshold(10.0, 0.5, 6)
    every = np.unique(many.risk[many.risk >= found])
    assert all(many.rate(one, 0.5, 6) <= 10.0 for one in every[:: max(1, len(every) // 200)])
    below = np.unique(many.risk[many.risk < found])[-1]
    assert many.rate(below, 0.5, 6) > 10.0


def test_a_score_of_few_values_keeps_any_budget_by_lot() -> None:
    draw = np.random.default_rng(6)
    lengths = draw.integers(8, 60, size=800)
    bounds = np.cumsum([0, *lengths])
    points = draw.binomial(12, 0.2, size=int(bounds[-1])).astype(np.float64)
    rule = Stays.of(points, bounds, np.full(800, -1))
    for wanted in (2.0, 5.0, 20.0):
        enter = rule.by_lot(wanted, clear_share=0.5, lockout_h=6)
        assert wanted * 0.9 < rule.rate(enter, 0.5, 6) <= wanted
        assert np.ptp(np.unique(enter)) <= 1.0
        assert (enter == rule.by_lot(wanted, clear_share=0.5, lockout_h=6)).all()
