"""What each piece of the refinement is worth: the scans it is measured on, and the table."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.refine_pieces import VARIANTS, averaged, draw_scans


def test_scans_are_hidden_in_the_gap_and_the_same_for_all() -> None:
    (scan,) = draw_scans(1, 32, [4])
    assert not scan.counts[scan.gap].any()
    assert scan.expectation[scan.gap].any()
    np.testing.assert_array_equal(next(draw_scans(1, 32, [4])).counts, scan.counts)


def test_every_variant_lacks_something_that_the_full_one_has() -> None:
    assert len(set(VARIANTS.values())) == len(VARIANTS)
    none = VARIANTS["none"]
    assert not none.coherence.steps
    assert not none.schedule.widen
    assert not none.strengths


def test_the_share_of_the_way_is_of_mean_correlations() -> None:
    values = {"linear": (0.5, 0.7), "network": (0.8, 0.8), "none": (0.8, 1.0)}
    rows: list[dict[str, object]] = [
        {"beam": "b", "gap (px)": 6, "knows": name, "Pearson": p, "RMS log error": 0, "CPU (s)": 1}
        for name, pearson in values.items()
        for p in pearson
    ]
    ways = {str(row["knows"]): row["of the way"] for row in averaged(rows)}
    assert ways == pytest.approx({"linear": 0, "network": 0.5, "none": 0.75})
