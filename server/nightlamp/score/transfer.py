"""Transfer: a model of one site judged at another, by each honest means of getting there.

| means | labels of the target | what is done |
|---|---|---|
| plain | 0 | fitted at the source, used as it is |
| travel | 0 | without what tells of the house: counts, ages and first times of measurement, unit, way to the unit |
| quantiles | 0 | every feature as its rank among the site's own rows, at both sites |
| telltales | 0 | without the 20 features by which a small model best tells the sites' unlabelled rows apart |
| weighted | 0 | source rows weighted by likeness to the target (Shimodaira 2000), by the same small model |
| combined | 0 | the mean of the raw scores of plain, quantiles and telltales |
| recalibrated | some | plain; calibration and threshold from the target's labelled patients. Ranks are those of plain |
| appended | some | fitted on the source and the target's labelled patients, whose rows weigh more |

Zero labels: the target gives unlabelled rows at most; calibration and threshold of utility are the source's, by halves
of its patients that the other half's model scores. With labels: so many of the target's patients, drawn by the
recipe's seed, in no figure; all means are judged on the patients that are left, the same for every means.
Intervals: patient bootstrap of the target; the draw of labelled patients and the fit are not resampled.
"""

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from nightlamp.score import calibrate, merge
from nightlamp.score.calibrate import Platt
from nightlamp.score.fit import feature_rows, raw_scores
from nightlamp.score.labels import Labels, labels
from nightlamp.score.measure import calibration_error
from nightlamp.score.recipe import Recipe, Transfer
from nightlamp.score.recording import Recording
from nightlamp.score.report.resample import Ranking, draws, interval, ratio, sums
from nightlamp.score.rows import Report
from nightlamp.score.utility import RowUtility, row_utility

#: Ends of a feature's name that tell how often and when a site measures.
HOUSE = ("age", "count", "time_since_first")
#: Attributes of unit and way to it.
UNIT = ("hours_before_unit", "hours_since_admission", "service_medical", "service_surgical")
QUANTILES = 500
TELLTALES = 20
REPLICATES = 300
#: Odds of being a target's row are tempered by a root and held in these bounds: a few rows must not carry the fit.
WEIGHT_BOUNDS = (0.1, 10.0)

Rows = NDArray[np.float32]
Mask = NDArray[np.bool_]


def travels(name: str) -> bool:
    """Whether a feature tells of the patient, not of when and how often the house measures or where it puts people."""
    parts = name.split(".")
    return name not in UNIT and not (len(parts) > 1 and parts[1] in HOUSE)


def site_quantiles(rows: Rows, site: NDArray[np.str_]) -> Rows:
    """Every value as its place among 500 quantiles of its feature at its site; missing stays missing. No label."""
    placed = np.full_like(rows, np.nan)
    for where in np.unique(site):
        of = np.flatnonzero(site == where)
        for at in range(rows.shape[1]):
            column = rows[of, at]
            known = ~np.isnan(column)
            if known.any():
                edges = np.quantile(column[known], np.linspace(0, 1, QUANTILES + 1))
                left, right = (np.searchsorted(edges, column[known], side) for side in ("left", "right"))
                placed[of[known], at] = (left + right) / 2
    return placed


def told_apart(rows: Rows, source: Mask, target: Mask, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """By a small model that tells the sites' rows apart without a label: the weight of each row (the root of its odds
    of being the target's), and the features by falling gain."""
    drawn = np.flatnonzero(source | target)
    drawn = np.random.default_rng(seed).permutation(drawn)[:200_000]
    parameters = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 1000, "feature_fraction": 0.3}
    quiet = {"seed": seed, "deterministic": True, "force_col_wise": True, "num_threads": 1, "verbosity": -1}
    data = lgb.Dataset(rows[drawn], target[drawn].astype(np.float32), params={**parameters, **quiet})
    model = lgb.train({**parameters, **quiet}, data, 60)
    raw = raw_scores(model.model_to_string().encode(), rows)
    order = np.argsort(-model.feature_importance("gain"), kind="stable").astype(np.int64)
    return np.clip(np.exp(raw / 2), *WEIGHT_BOUNDS), order


@dataclass(frozen=True)
class Sites:
    """A direction: rows with their labels, which are the source's, the target's labelled ones, and those judged."""

    recipe: Recipe
    settings: Transfer
    rows: Rows
    asks: Labels
    utility: RowUtility | None
    row_patient: NDArray[np.int64]
    source: Mask
    labelled: Mask
    judged: Mask

    def fitted(
        self, rows: Rows, seen: Mask, wanted: Mask, weight: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Raw scores of the rows wanted, NaN elsewhere, by an ensemble fitted on those seen."""
        texts = []
        for booster in self.recipe.boosters()[: self.settings.boosters]:
            draw = np.random.default_rng(booster.seed).random(len(rows)) < booster.negatives
            used = np.flatnonzero(seen & self.asks.asked & ((self.asks.value == 1) | draw))
            data = lgb.Dataset(
                rows[used],
                self.asks.value[used],
                weight=None if weight is None else weight[used],
                params=booster.parameters,
            )
            texts.append(lgb.train(booster.parameters, data, booster.trees).model_to_string())
        raw = np.full(len(rows), np.nan)
        raw[wanted] = raw_scores(merge.mean_of(texts).encode(), rows[wanted])
        return raw

    def scored(self, rows: Rows, weight: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Raw scores of all rows by a model of the source; of the source's own, by a model of the other half of its
        patients."""
        first = _half(self.row_patient, self.recipe.seed)
        target = self.labelled | self.judged
        first_half, second_half = self.source & first, self.source & ~first
        parts = [(self.source, target), (second_half, first_half), (first_half, second_half)]
        raw = np.full(len(rows), np.nan)
        for seen, wanted in parts:
            raw[wanted] = self.fitted(rows, seen, wanted, weight)[wanted]
        return raw

    def figures(self, raw: NDArray[np.float64], known_raw: NDArray[np.float64], known: Mask) -> dict[str, Any]:
        """What raw scores are worth on the rows judged; calibration and threshold from the rows known."""
        asked = known & self.asks.asked
        platt = calibrate.fit(known_raw[asked], self.asks.value[asked])
        judged = self.judged & self.asks.asked
        found = _ranked(platt, raw[judged], self.asks.value[judged], self.row_patient[judged])
        if self.utility:
            threshold = self.utility.take(known).best_threshold(platt.apply(known_raw[known]))
            worth, alarms = self.utility.take(self.judged), platt.apply(raw[self.judged]) >= threshold
            found["utility"] = worth.normalised(alarms)
            found["ci95"]["utility"] = _utility_interval(worth, alarms, self.row_patient[self.judged])
        return found


def _ranked(
    platt: Platt, raw: NDArray[np.float64], label: NDArray[np.int8], row_patient: NDArray[np.int64]
) -> dict[str, Any]:
    person = np.unique(row_patient, return_inverse=True)[1]
    ranking = Ranking.of(raw, label, person)
    spread = ranking.resampled(draws(int(person.max()) + 1, REPLICATES))
    auroc, auprc = ranking.whole()
    return {
        "rows": len(label),
        "patients": int(person.max()) + 1,
        "event_patients": len(np.unique(person[label == 1])),
        "prevalence": float(label.mean()),
        "auroc": auroc,
        "auprc": auprc,
        "ece": calibration_error(platt.apply(raw), label),
        "ci95": {"auroc": interval(spread[:, 0]), "auprc": interval(spread[:, 1])},
    }


def _utility_interval(worth: RowUtility, alarms: Mask, row_patient: NDArray[np.int64]) -> list[float] | None:
    person = np.unique(row_patient, return_inverse=True)[1]
    people = int(person.max()) + 1
    observed = np.where(alarms, worth.alarm, worth.silent) - worth.silent
    gained = draws(people, REPLICATES) @ sums([observed, worth.best - worth.silent], person, people)
    return interval(ratio(gained[:, 0], gained[:, 1]))


def directions(
    recipe: Recipe, recording: Recording, asks: Labels, rows: Rows, names: list[str], report: Report
) -> list[dict[str, Any]]:
    """Every means from each site to each other. Empty where the recipe has no `[transfer]` or there is one site."""
    settings, sites = recipe.transfer, np.unique(recording.site)
    if settings is None or len(sites) < 2:
        return []
    site = recording.site[recording.row_patient]
    pairs = [(source, target) for source in sites for target in sites if source != target]
    utility = row_utility(recording.label, recording.row_bounds()) if recipe.utility else None
    found, placed = [], site_quantiles(rows, site)
    for at, (source, target) in enumerate(pairs):
        labelled = _drawn(recording, asks, target, settings.labelled, recipe.seed)[recording.row_patient]
        direction = Sites(
            recipe, settings, rows, asks, utility, recording.row_patient,
            source=site == source, labelled=labelled, judged=(site == target) & ~labelled,
        )  # fmt: skip
        for means, figures in by_means(direction, names, placed):
            labels_of = settings.labelled if means in ("recalibrated", "appended") else 0
            found.append(
                {"source": str(source), "target": str(target), "means": means, "labelled": labels_of} | figures
            )
        report("transfer between sites", at + 1, len(pairs))
    return found


def measure(recipe: Recipe, recording: Recording, report: Report) -> list[dict[str, Any]]:
    """Rows and labels of a recording, then `directions`. Raises ValueError where the recipe or the data have none."""
    rows = feature_rows(recipe, recording, report)
    asks = labels(recording, **recipe.label)
    found = directions(recipe, recording, asks, rows, recipe.engine().feature_names(), report)
    if not found:
        raise ValueError(f"the recipe {recipe.name} has no [transfer], or the data are of one site")
    return found


def by_means(sites: Sites, names: list[str], placed: Rows) -> list[tuple[str, dict[str, Any]]]:
    """The figures of every means in the order of the module's table; `placed`: rows as their sites' quantiles."""
    source, rows = sites.source, sites.rows
    weight, order = told_apart(rows, source, sites.judged, sites.recipe.seed)
    narrow = np.ascontiguousarray(rows[:, [travels(name) for name in names]])
    blunt = np.ascontiguousarray(rows[:, np.sort(order[TELLTALES:])])
    raw = {
        "plain": sites.scored(rows),
        "travel": sites.scored(narrow),
        "quantiles": sites.scored(placed),
        "telltales": sites.scored(blunt),
        "weighted": sites.scored(rows, weight),
    }
    raw["combined"] = np.mean([raw[means] for means in ("plain", "quantiles", "telltales")], axis=0)
    found = [(means, sites.figures(one, one, source)) for means, one in raw.items()]
    found.append(("recalibrated", sites.figures(raw["plain"], raw["plain"], sites.labelled)))
    heavier = np.where(sites.labelled, sites.settings.weight, 1.0)
    appended = sites.fitted(rows, source | sites.labelled, sites.judged, heavier)
    found.append(("appended", sites.figures(appended, _labelled_apart(sites, heavier), sites.labelled)))
    return found


def _labelled_apart(sites: Sites, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raw scores of the target's labelled rows, each by a model of the source and the half of them it is not in."""
    first = _half(sites.row_patient, sites.recipe.seed)
    halves = sites.labelled & first, sites.labelled & ~first
    parts = [sites.fitted(sites.rows, sites.source | halves[1 - k], halves[k], weight) for k in (0, 1)]
    return np.where(first, *parts)


def _half(row_patient: NDArray[np.int64], seed: int) -> Mask:
    """The rows of half of the patients, by lot."""
    patients = int(row_patient[-1]) + 1
    return np.asarray((np.random.default_rng(seed).permutation(patients) % 2 == 0)[row_patient])


def _drawn(recording: Recording, asks: Labels, target: str, count: int, seed: int) -> Mask:
    """So many of the target's patients, by lot."""
    there = np.flatnonzero(recording.site == target)
    chosen = np.zeros(recording.patients, dtype=np.bool_)
    chosen[np.random.default_rng(seed).permutation(there)[:count]] = True
    return chosen
