"""Platt calibration (Platt 1999): a logistic function of the raw score, fitted by Newton's method on log loss.

Monotone with a positive slope, so it never changes a ranking. Same form as core_rs/src/score/calibration.rs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ITERATIONS_MAX = 50
STEP_MIN = 1e-10


@dataclass(frozen=True)
class Platt:
    """probability = 1 / (1 + exp(-(a raw + b)))."""

    a: float
    b: float

    def apply(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of raw scores."""
        return _logistic(self.a * raw + self.b)


def fit(raw: NDArray[np.float64], label: NDArray[np.int8]) -> Platt:
    """The slope and offset of least log loss. Raises ValueError where the score does not rise with the outcome."""
    prevalence = float(label.mean())
    if not 0.0 < prevalence < 1.0:
        raise ValueError("calibration needs rows with and without the outcome")
    inputs = np.stack([raw, np.ones_like(raw)], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(ITERATIONS_MAX):
        risk = _logistic(inputs @ weights)
        gradient = inputs.T @ (risk - label)
        curvature = (inputs * (risk * (1.0 - risk))[:, None]).T @ inputs
        step = np.linalg.solve(curvature, gradient)
        loss = _log_loss(inputs @ weights, label)
        while _log_loss(inputs @ (weights - step), label) > loss and float(np.abs(step).max()) >= STEP_MIN:
            step = step / 2  # too far for the parabola
        weights = weights - step
        if float(np.abs(step).max()) < STEP_MIN:
            break
    if not (np.isfinite(weights).all() and weights[0] > 0):
        raise ValueError("the raw score does not rise with the outcome: there is nothing to calibrate")
    return Platt(float(weights[0]), float(weights[1]))


def _logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)))


def _log_loss(log_odds: NDArray[np.float64], label: NDArray[np.int8]) -> float:
    return float((np.logaddexp(0.0, log_odds) - label * log_odds).sum())
