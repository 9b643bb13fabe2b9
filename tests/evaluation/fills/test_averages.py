"""Means over cases, with intervals over particles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_subjects import record_of

from bcdi_inpaint.evaluation.fills import (
    Bootstrap,
    EvaluationConfig,
    average_scores,
)


def test_the_bootstrap_goes_by_clusters(rng: np.random.Generator) -> None:
    n_clusters, n_each = 60, 5
    of_cluster = rng.normal(2, 1, n_clusters)
    values = np.repeat(of_cluster, n_each)  # the cases of a particle are all alike
    names = np.repeat([f"p{i}" for i in range(n_clusters)], n_each).tolist()
    found = Bootstrap(names, 4000, 1)
    interval = found.interval(found.means(values))
    error = of_cluster.std() / math.sqrt(n_clusters)
    assert interval.mean == pytest.approx(of_cluster.mean())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    alone = Bootstrap([str(i) for i in range(len(values))], 4000, 1)
    narrow = alone.interval(alone.means(values))
    ratio = (interval.high - interval.low) / (narrow.high - narrow.low)
    assert ratio == pytest.approx(math.sqrt(n_each), rel=0.1)


def test_the_bootstrap_leaves_nan_out_and_repeats_itself() -> None:
    values = [1.0, math.nan, 3.0, 5.0]
    pairs = []
    for _ in range(2):
        found = Bootstrap(["a", "a", "b", "c"], 200, 7)
        pairs.append(found.interval(found.means(values)))
    assert pairs[0] == pairs[1]
    assert pairs[0].mean == 3
    assert 1 <= pairs[0].low < 3 < pairs[0].high <= 5
    one = Bootstrap(["a", "a"], 10, 1)
    alone = one.interval(one.means([1.0, 2.0]))
    assert alone.mean == 1.5
    assert math.isnan(alone.low)  # one particle tells nothing of others


def test_the_summary_pools_kinds_and_tells_the_share_of_the_way() -> None:
    records = []
    for kind, cluster, shift in (("row", "a", 0.0), ("row", "b", 0.02), ("cross", "a", 0.04)):
        for method, pearson in (("linear", 0.8), ("good", 0.875), ("bad", 0.7), ("ceiling", 0.9)):
            records.append(record_of(method, pearson + shift, kind=kind, cluster=cluster))
    rows = average_scores(
        records, EvaluationConfig(kinds=("row", "cross"), widths=(3,), resamples=300)
    )
    keys = [(row["kind"], row["method"]) for row in rows]
    assert keys[:4] == [("all", m) for m in ("linear", "good", "bad", "ceiling")]
    assert len(rows) == 12
    of = {key: row for key, row in zip(keys, rows, strict=True)}
    assert of["all", "good"]["cases"] == 3
    assert of["all", "good"]["clusters"] == 2
    assert of["cross", "good"]["pearson_log"].mean == pytest.approx(0.915)
    shares = {m: of["all", m]["of_the_way"].mean for m in ("linear", "good", "bad", "ceiling")}
    assert shares == pytest.approx({"linear": 0, "good": 0.75, "bad": -1, "ceiling": 1})
    # Linear and good differ by as much in every case, so the share is certain.
    share = of["all", "good"]["of_the_way"]
    assert share.low == pytest.approx(0.75)
    assert share.high == pytest.approx(0.75)
