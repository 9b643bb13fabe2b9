"""Means over the gaps of a study, by width and method, with intervals over simulated patterns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.evaluation.fills import CEILING, Bootstrap, Interval, Record
from bcdi_inpaint.evaluation.fills.averages import shares_of_the_way
from bcdi_inpaint.evaluation.fills.records import SCORES, distinct
from bcdi_inpaint.studies.judging import FURTHER, PROBABILITIES
from bcdi_inpaint.studies.leads import shown_interval

DEVIANCE, LEAST_DEVIANCE = "poisson_deviance", 1e-6
"""The score whose mean is the geometric one: else the brightest pattern would decide alone."""
WAYS = {"of_the_way": "pearson_log", "of_the_way_deviance": "poisson_deviance"}
"""Shares of the way from linear interpolation to the noise ceiling, and the scores they are in."""
MIDDLE_WAY = "of_the_way_median"
"""The share of the way in the middle pattern: a few patterns can make most of the mean's."""
AVERAGED = (*SCORES, *FURTHER)
"""Columns of records that are averaged."""


def average_study(records: Sequence[Record], resamples: int, seed: int) -> list[Record]:
    """A row for each scan, width and method, its scores as `Interval`.

    Parameters
    ----------
    records : of `judging.judge_all`.
    resamples : of the bootstrap.
    seed : of the bootstrap.

    Returns
    -------
    Rows with ``scan``, ``width``, ``method``, ``cases``, `AVERAGED`, `WAYS`, `MIDDLE_WAY` and the
    medians of `PROBABILITIES`, in the order of the records. A share of the way needs ``linear`` and
    the ceiling among the methods, an interval enough patterns: see `leads.LEAST_SUBJECTS`.
    """
    rows = []
    for scan in distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        for width in sorted(distinct(own, "width")):
            cell = [record for record in own if record["width"] == width]
            rows += _average_cell(cell, {"scan": scan, "width": width}, resamples, seed)
    return rows


def _average_cell(cell: Sequence[Record], head: Record, resamples: int, seed: int) -> list[Record]:
    by_method = {
        method: [record for record in cell if record["method"] == method]
        for method in distinct(cell, "method")
    }
    rows = []
    for method, own in by_method.items():
        bootstrap = Bootstrap([record["cluster"] for record in own], resamples, seed)
        row = head | {"method": method, "cases": len(own)}
        for name in AVERAGED:
            row[name] = shown_interval(bootstrap, _means(bootstrap, own, name), head["scan"])
        for name, score in WAYS.items():
            row[name] = _way(bootstrap, by_method, method, score)
        row[MIDDLE_WAY] = _middle_way(by_method, method)
        for name in PROBABILITIES:
            row[name] = float(np.median([record.get(name, math.nan) for record in own]))
        rows.append(row)
    return rows


def _means(bootstrap: Bootstrap, records: Sequence[Record], score: str) -> Float64Array:
    """The mean of a score, and of its resamples; the geometric one for `DEVIANCE`."""
    values = [record[score] for record in records]
    if score != DEVIANCE:
        return bootstrap.means(values)
    return np.exp(bootstrap.means(np.log(np.maximum(values, LEAST_DEVIANCE))))


def _way(
    bootstrap: Bootstrap, by_method: Mapping[str, Sequence[Record]], method: str, score: str
) -> Interval:
    """The share of the way of a method, in one score."""
    if "linear" not in by_method or CEILING not in by_method:
        return Interval(math.nan, math.nan, math.nan)
    means = [_means(bootstrap, by_method[name], score) for name in (method, "linear", CEILING)]
    return shown_interval(bootstrap, shares_of_the_way(*means), by_method[method][0]["scan"])


def _middle_way(by_method: Mapping[str, Sequence[Record]], method: str) -> Interval:
    """The median over patterns of the share of the way in each, in the correlation; no interval."""
    if "linear" not in by_method or CEILING not in by_method:
        return Interval(math.nan, math.nan, math.nan)
    means = [_means_of_clusters(by_method[name]) for name in (method, "linear", CEILING)]
    shares = shares_of_the_way(*means)
    known = shares[~np.isnan(shares)]
    return Interval(float(np.median(known)) if known.size else math.nan, math.nan, math.nan)


def _means_of_clusters(records: Sequence[Record]) -> Float64Array:
    """(n_clusters,) the mean correlation of each pattern."""
    of = np.asarray([record["cluster"] for record in records])
    values = np.asarray([record["pearson_log"] for record in records], dtype=np.float64)
    return np.array([values[of == name].mean() for name in np.unique(of)])


def find_order(rows: Sequence[Record], width: int, score: str = "pearson_log") -> list[str]:
    """The methods at a width, the best first, without the ceiling.

    Parameters
    ----------
    rows : of `average_study`, of one scan.
    width : of the gap.
    score : a column of which more is better.
    """
    own = [row for row in rows if row["width"] == width and row["method"] != CEILING]
    known = [row for row in own if not math.isnan(row[score].mean)]
    return [row["method"] for row in sorted(known, key=lambda row: -row[score].mean)]
