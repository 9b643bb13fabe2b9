import math

import numpy as np

from bcdi_inpaint.studies.border import compare_border, compare_values


def test_only_differences_across_the_border_are_held_against_those_of_known_pairs() -> None:
    """Known neighbours differ by 0 or 3 counts; the fill's edge by more, its inside by anything."""
    counts = np.tile(3.0 * (np.arange(12) % 2), (12, 1))
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 4:8] = True
    fill = counts.copy()
    fill[:, 5:7] = 9000
    none = np.zeros_like(gap)
    alike = compare_border(counts, counts, gap, none)
    inside = compare_border(counts, fill, gap, none)
    # all pairs across the border differ, those of known voxels along rows alone
    n_along, n_across = 12 * (3 + 3), 11 * 8
    assert math.isclose(alike.distance, n_across / (n_along + n_across))
    assert inside == alike
    fill[:, [4, 7]] = 900
    far = compare_border(counts, fill, gap, none)
    assert far.distance == 1
    assert far.p < alike.p < 0.05


def test_in_the_dark_a_fraction_of_a_count_is_none() -> None:
    counts = np.zeros((20, 20))
    counts[3, 4] = 1
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 9:12] = True
    found = compare_border(counts, np.full(counts.shape, 0.05), gap, gap & False)
    assert found.distance < 0.02
    assert found.p > 0.99


def test_pairs_with_a_bad_voxel_do_not_count() -> None:
    counts = np.random.default_rng(0).poisson(40, (20, 20)).astype(float)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 9:12] = True
    bad = np.zeros_like(gap)
    bad[3, 4] = True
    expected = compare_border(counts, counts, gap, bad)
    counts[3, 4] = np.nan
    assert compare_border(counts, counts, gap, bad) == expected


def test_values_compare_wherever_they_lie_and_a_fill_is_rounded() -> None:
    counts = np.arange(10.0)
    scored = counts > 1
    assert compare_values(counts, counts[::-1] + 0.2, scored) == compare_values(
        counts, counts[::-1], scored
    )
    assert compare_values(counts, counts + 50, scored).distance == 1
    assert all(math.isnan(each) for each in compare_values(counts, counts, counts < 0))
