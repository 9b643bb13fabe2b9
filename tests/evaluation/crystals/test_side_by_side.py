"""Two treatments of the same gaps: how often one is ahead, and by how much."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bcdi_inpaint.evaluation.crystals.side_by_side import EVERY, SIDE_COLUMNS, set_side_by_side


def _record(treatment: str, error: float, number: int, width: int = 6, **more: float) -> Any:
    head = {"crystal": "one", "width": width, "number": number, "setting": "as users run it"}
    return head | {"treatment": treatment, "phase_rms_rad": error} | more


def _gaps(ours: list[float], theirs: list[float], width: int = 6) -> list[dict[str, Any]]:
    """Gaps of one width, after two treatments; the intensity is as far off as the phase."""
    return [
        _record(name, error, number, width, pearson_gap=1 - error, llk_free=error)
        for name, errors in (("prior", ours), ("mask", theirs))
        for number, error in enumerate(errors)
    ]


def test_gaps_are_counted_in_which_a_treatment_is_nearer() -> None:
    ours, theirs = [0.1, 0.1, 0.1, 0.1, 0.3, 0.2], [0.2, 0.4, 0.2, 0.3, 0.2, 0.2]
    (row,) = set_side_by_side(_gaps(ours, theirs), ["prior"])
    assert tuple(row) == SIDE_COLUMNS
    assert (row["treatment"], row["against"], row["width"]) == ("prior", "mask", 6)
    assert (row["cases"], row["nearer"], row["pearson_higher"], row["free_lower"]) == (6, 4, 4, 4)
    assert row["times_as_far"] == pytest.approx(0.5)
    assert row["by_chance"] == pytest.approx(12 / 32)  # 4 or 5, 0 or 1 of five coins; one was even


@pytest.mark.parametrize(
    ("treatment", "other", "is_told"),
    [
        ("prior", "zero", True),
        ("refined prior + found", "mask + found", True),
        ("refined prior + found", "mask", False),  # it has its background
        ("prior", "complete", False),
    ],
)
def test_free_voxels_are_compared_where_they_are_the_same(
    treatment: str, other: str, is_told: bool
) -> None:
    records = [_record(treatment, 0.1, 0, llk_free=1.0), _record(other, 0.2, 0, llk_free=2.0)]
    (row,) = set_side_by_side(records, [treatment])
    assert math.isnan(row["free_lower"]) != is_told


def test_gaps_that_one_was_not_phased_in_are_no_case() -> None:
    records = [*_gaps([0.1], [0.2]), _record("prior", 0.1, 7), _record("zero", 0.5, 7)]
    against = {row["against"]: row["cases"] for row in set_side_by_side(records, ["prior"])}
    assert against == {"mask": 1, "zero": 1}


def test_over_all_widths_no_chance_is_told() -> None:
    records = [*_gaps([0.1, 0.1], [0.2, 0.2]), *_gaps([0.3], [0.1], width=12)]
    rows = {row["width"]: row for row in set_side_by_side(records, ["prior"])}
    assert list(rows) == [6, 12, EVERY]
    assert [rows[width]["nearer"] for width in rows] == [2, 0, 2]
    assert rows[EVERY]["cases"] == 3
    assert [math.isnan(rows[width]["by_chance"]) for width in rows] == [False, False, True]


def test_what_failed_is_infinitely_far_and_fits_nothing() -> None:
    failed = _record("prior", math.inf, 0, pearson_gap=math.nan, llk_free=math.nan)
    there = _record("mask", 0.2, 0, pearson_gap=0.1, llk_free=9.0)
    (row,) = set_side_by_side([failed, there], ["prior"])
    assert (row["nearer"], row["pearson_higher"], row["free_lower"]) == (0, 0, 0)
    assert row["times_as_far"] == math.inf
    (row,) = set_side_by_side([failed, there], ["mask"])
    assert (row["nearer"], row["pearson_higher"], row["free_lower"]) == (1, 1, 1)
    assert row["times_as_far"] == 0
    (row,) = set_side_by_side([failed, there | {"phase_rms_rad": math.inf}], ["mask"])
    assert (row["nearer"], row["times_as_far"]) == (0, 1)
    assert math.isnan(row["by_chance"])
