import math

import numpy as np

from bcdi_inpaint.studies.border import border_distance, value_distance


def test_only_differences_across_the_border_are_held_against_those_of_known_pairs() -> None:
    """Known neighbours differ by 0 or 1 logarithm; the fill's edge by 3, its inside by anything."""
    logs = np.tile(np.arange(12) % 2, (12, 1)).astype(float)
    gap = np.zeros(logs.shape, dtype=bool)
    gap[:, 4:8] = True
    fill = logs.copy()
    fill[:, 5:7] = 90
    none = np.zeros_like(gap)
    alike = border_distance(np.expm1(logs), np.expm1(np.where(gap, logs, 0)), gap, none)
    inside = border_distance(np.expm1(logs), np.expm1(fill), gap, none)
    # all pairs across the border differ by 1, those of known voxels by 1 along rows alone
    n_along, n_across = 12 * (3 + 3), 11 * 8
    assert math.isclose(alike, n_across / (n_along + n_across))
    assert inside == alike
    fill[:, [4, 7]] = 9
    assert border_distance(np.expm1(logs), np.expm1(fill), gap, none) == 1


def test_pairs_with_a_bad_voxel_do_not_count() -> None:
    counts = np.random.default_rng(0).poisson(40, (20, 20)).astype(float)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 9:12] = True
    bad = np.zeros_like(gap)
    bad[3, 4] = True
    expected = border_distance(counts, counts, gap, bad)
    counts[3, 4] = np.nan
    assert border_distance(counts, counts, gap, bad) == expected


def test_values_compare_wherever_they_lie_and_a_fill_is_rounded() -> None:
    counts = np.arange(10.0)
    scored = counts > 1
    assert value_distance(counts, counts[::-1] + 0.2, scored) == value_distance(
        counts, counts[::-1], scored
    )
    assert value_distance(counts, counts + 50, scored) == 1
    assert math.isnan(value_distance(counts, counts, counts < 0))
