"""ROC, precision-recall, reliability, decision curve: the points that charts are drawn from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightlamp.score import calibrate
from nightlamp.score.report.groups import BINS, bins_of

POINTS = 120
#: The decision curve's thresholds: from a fifth of the prevalence to twenty times it, at most this.
THRESHOLD_MAX = 0.6


def ranked(score: NDArray[np.float64], label: NDArray[np.int8]) -> dict[str, list[float]]:
    """ROC (fpr, tpr) and precision-recall at thresholds spread over both axes; no ties are split."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    found = np.cumsum(label[order] == 1)[ends]
    false = ends + 1 - found
    positives, negatives = int(found[-1]), int(false[-1])
    tpr, fpr = found / max(1, positives), false / max(1, negatives)
    wanted = np.linspace(0.0, 1.0, POINTS)
    at = np.unique(
        np.concatenate([np.searchsorted(tpr, wanted), np.searchsorted(fpr, wanted), [0, len(ends) - 1]]).clip(
            0, len(ends) - 1
        )
    )
    return {
        "fpr": [0.0, *fpr[at].tolist()],
        "tpr": [0.0, *tpr[at].tolist()],
        "recall": tpr[at].tolist(),
        "precision": (found[at] / (ends[at] + 1)).tolist(),
    }


def reliability(risk: NDArray[np.float64], label: NDArray[np.int8], *, equal_mass: bool) -> list[dict[str, Any]]:
    """Ten bins: rows, mean risk and share with the outcome; means are None in an empty bin."""
    bins = bins_of(risk, equal_mass=equal_mass)
    rows = np.bincount(bins, minlength=BINS)
    expected = np.bincount(bins, weights=risk, minlength=BINS)
    observed = np.bincount(bins, weights=label, minlength=BINS)
    return [
        {
            "rows": int(n),
            "events": int(o),
            "mean_risk": float(e / n) if n else None,
            "share_with_outcome": float(o / n) if n else None,
        }
        for n, e, o in zip(rows, expected, observed, strict=True)
    ]


def net_benefit(risk: NDArray[np.float64], label: NDArray[np.int8], thresholds: NDArray[np.float64]) -> list[float]:
    """True positives less false ones at the odds of the threshold, a row (Vickers, Elkin 2006)."""
    positive, negative = np.sort(risk[label == 1]), np.sort(risk[label == 0])
    true = len(positive) - np.searchsorted(positive, thresholds)
    false = len(negative) - np.searchsorted(negative, thresholds)
    return list(((true - false * thresholds / (1.0 - thresholds)) / len(label)).tolist())


def decision(
    risk: NDArray[np.float64], label: NDArray[np.int8], news2: NDArray[np.float64] | None
) -> dict[str, list[float]]:
    """Net benefit of the model, of treating all, and of NEWS2: at 5 and 7 points, and as a risk.

    NEWS2 as a risk is a logistic function of its points fitted on these very rows, which favours it. A row without a
    NEWS2 raises nothing. Treating none is 0.
    """
    prevalence = float(label.mean())
    low, high = prevalence / 5, min(THRESHOLD_MAX, max(20 * prevalence, 0.05))
    thresholds = np.geomspace(low, high, POINTS // 2)
    found = {
        "threshold": thresholds.tolist(),
        "model": net_benefit(risk, label, thresholds),
        "all": net_benefit(np.ones(len(risk)), label, thresholds),
    }
    if news2 is None:
        return found
    points = np.nan_to_num(news2, nan=-1.0)
    for enter in (5, 7):
        found[f"news2_{enter}"] = net_benefit((points >= enter).astype(np.float64), label, thresholds)
    known = points >= 0
    try:
        platt = calibrate.fit(points[known], label[known])
    except ValueError:  # it does not rise with the outcome here: no risk can be made of it
        return found
    found["news2_as_risk"] = net_benefit(np.where(known, platt.apply(points), 0.0), label, thresholds)
    return found
