"""How often the truth lies in the intervals."""

from __future__ import annotations

import math

import pytest
from small_subjects import record_of

from bcdi_inpaint.evaluation.fills import (
    EvaluationConfig,
    measure_coverage,
)


def test_coverage_is_by_width_and_by_decade_of_the_peak_and_of_the_fill() -> None:
    dim, bright = {-1: (10, 1, 5), 2: (90, 60, 80)}, {2: (10, 10, 10), 4: (90, 60, 90)}
    records = [
        record_of("n", 1, brightest=2e4, inside_68=0.6, cluster="a", by_counts=dim),
        record_of("n", 1, brightest=9e4, inside_68=0.8, cluster="b", by_counts=dim, index=1),
        record_of("n", 1, brightest=1e5, inside_68=0.1, cluster="b", by_counts=bright, index=2),
        record_of("n", 1, width=6, inside_68=0.3, cluster="b", by_counts=bright),
        record_of("linear", 1, inside_68=math.nan, by_counts={}),
    ]
    rows = measure_coverage(records, EvaluationConfig(resamples=50))
    narrow = [row for row in rows if row["width"] == 3]
    assert {row["width"] for row in rows} == {3, 6}
    assert {row["method"] for row in rows} == {"n"}
    names = ("by", "band", "patterns", "clusters", "cases", "voxels")
    found = [(*(row[name] for name in names), row["inside_68"].mean) for row in narrow]
    assert found == [
        ("all", "", 3, 2, 3, 300, pytest.approx(0.5)),
        ("peak", "1e4 to 1e5", 2, 2, 2, 200, pytest.approx(0.7)),
        ("peak", "1e5 to 1e6", 1, 1, 1, 100, pytest.approx(0.1)),
        ("fill", "below 1", 2, 2, 2, 20, pytest.approx(2 / 20)),
        ("fill", "1e2 to 1e3", 3, 2, 3, 190, pytest.approx(130 / 190)),
        ("fill", "1e4 to 1e5", 1, 1, 1, 90, pytest.approx(60 / 90)),
    ]
    of = {(row["by"], row["band"]): row for row in narrow}
    assert of["peak", "1e4 to 1e5"]["inside_68"].low == pytest.approx(0.6)
    assert of["fill", "1e2 to 1e3"]["inside_68"].low == pytest.approx(60 / 90)
    assert of["fill", "1e2 to 1e3"]["inside_95"].mean == pytest.approx(170 / 190)
    assert math.isnan(of["peak", "1e5 to 1e6"]["inside_68"].low)  # one particle
