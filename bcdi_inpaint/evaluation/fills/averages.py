"""Means over cases, with confidence intervals over particles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.evaluation.fills.config import EvaluationConfig
from bcdi_inpaint.evaluation.fills.methods import CEILING
from bcdi_inpaint.evaluation.fills.records import INSIDE, SCORES, Record, distinct
from bcdi_inpaint.evaluation.scores import ceiling_share


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % confidence interval; nan where there is none."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return ""
        if math.isnan(self.low):
            return f"{self.mean:.3g}"
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


class Bootstrap:
    """Means over cases, and over resamples of their clusters: cases of one particle go together.

    Each resample draws as many clusters as there are, with replacement (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993); the interval spans 2.5 to 97.5 % of them.

    Parameters
    ----------
    clusters : of each case, what varies independently.
    resamples : how many.
    seed : of the resamples.

    Examples
    --------
    >>> scores = Bootstrap(["a", "a", "b"], resamples=500, seed=1)
    >>> print(scores.interval(scores.means([0.7, 0.8, 0.9])))
    0.8 [0.75, 0.9]
    """

    def __init__(self, clusters: Sequence[str], resamples: int, seed: int) -> None:
        names, self._cluster = np.unique(np.asarray(clusters), return_inverse=True)
        self.n_clusters = len(names)
        rng = np.random.default_rng([seed, self.n_clusters])
        drawn = rng.multinomial(
            self.n_clusters, np.full(self.n_clusters, 1 / self.n_clusters), resamples
        )
        # The first row is the data as they are.
        self._weights = np.vstack([np.ones(self.n_clusters), drawn])  # (1 + resamples, n_clusters)

    def means(self, values: Sequence[float] | Float64Array) -> Float64Array:
        """(1 + resamples,) mean of the values that are not nan: of the data, and resampled."""
        given = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(given)
        total = np.bincount(self._cluster, np.where(known, given, 0), self.n_clusters)
        number = np.bincount(self._cluster, known, self.n_clusters)
        totals, numbers = self._weights @ total, self._weights @ number
        return np.divide(totals, numbers, out=np.full(totals.shape, np.nan), where=numbers > 0)

    def interval(self, means: Float64Array) -> Interval:
        """The interval of `means`, or of anything computed from several."""
        resampled = means[1:][np.isfinite(means[1:])]
        if self.n_clusters < 2 or not resampled.size:
            return Interval(float(means[0]), math.nan, math.nan)
        low, high = np.percentile(resampled, [2.5, 97.5])
        return Interval(float(means[0]), float(low), float(high))


ALL = "all"
"""The kind of a row that is over all kinds of gap."""


def average_scores(records: Sequence[Record], config: EvaluationConfig) -> list[Record]:
    """Average the scores for each scan, kind (and all kinds), width and method.

    Returns a row for each, its scores as `Interval`. `of_the_way` is the share of the way from
    linear interpolation to the ceiling, in Pearson; it needs both among the methods.
    """
    rows = []
    for scan in distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        for kind in (ALL, *config.kinds):
            for width in config.widths:
                cell = [
                    record
                    for record in own
                    if record["width"] == width and kind in (ALL, record["kind"])
                ]
                rows += _average_cell(cell, scan, kind, width, config)
    return rows


def _average_cell(
    cell: Sequence[Record], scan: str, kind: str, width: int, config: EvaluationConfig
) -> list[Record]:
    """A row for each method; all have the same cases."""
    rows = []
    pearson = {
        method: [r["pearson_log"] for r in cell if r["method"] == method]
        for method in distinct(cell, "method")
    }
    for method in pearson:
        own = [record for record in cell if record["method"] == method]
        bootstrap = Bootstrap([r["cluster"] for r in own], config.resamples, config.seed)
        row: Record = {
            "scan": scan,
            "kind": kind,
            "width": width,
            "method": method,
            "cases": len(own),
            "clusters": bootstrap.n_clusters,
            "judged": float(np.mean([r["judged"] for r in own])),
        }
        for name in (*SCORES, *INSIDE):
            row[name] = bootstrap.interval(bootstrap.means([r[name] for r in own]))
        row["of_the_way"] = _of_the_way(bootstrap, pearson, method)
        rows.append(row)
    return rows


def _of_the_way(
    bootstrap: Bootstrap, pearson: Mapping[str, Sequence[float]], method: str
) -> Interval:
    if "linear" not in pearson or CEILING not in pearson:
        return Interval(math.nan, math.nan, math.nan)
    means = [bootstrap.means(pearson[name]) for name in (method, "linear", CEILING)]
    return bootstrap.interval(shares_of_the_way(*means))


def shares_of_the_way(
    method: Float64Array, linear: Float64Array, ceiling: Float64Array
) -> Float64Array:
    """How much of the way from linear interpolation to the ceiling a method goes.

    Parameters
    ----------
    method, linear, ceiling : (n,) means of a score, as of `Bootstrap.means`.

    Returns
    -------
    (n,) shares: 0 is linear interpolation, 1 the ceiling.
    """
    triples = zip(method, linear, ceiling, strict=True)
    return np.array([ceiling_share(*map(float, triple)) for triple in triples])
