"""Classical fills against functions that they have to reproduce exactly."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bcdi_inpaint.classical.interpolation import (
    cubic,
    fill_along_shortest,
    linear,
    log_linear,
    nearest,
)
from bcdi_inpaint.classical.methods import Method

SHAPE = (20, 24, 28)


def grid(shape: tuple[int, int, int] = SHAPE) -> tuple[np.ndarray, ...]:
    """Index of each voxel along each axis, as floats."""
    return tuple(np.indices(shape).astype(float))


def plane(axis: int, start: int, stop: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    gap = np.zeros(shape, dtype=bool)
    gap[(slice(None),) * axis + (slice(start, stop),)] = True
    return gap


def hidden(counts: np.ndarray, unknown: np.ndarray, value: float = np.nan) -> np.ndarray:
    """The counts with what is unknown replaced, as a detector would."""
    return np.where(unknown, value, counts)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_linear_is_exact_for_exponential_counts_across_a_plane(axis: int) -> None:
    rock, y, x = grid()
    counts = np.expm1(0.1 * rock + 0.2 * y + 0.05 * x)
    gap = plane(axis, 7, 13)
    assert_allclose(linear(hidden(counts, gap), gap), counts, rtol=1e-5, atol=1e-5)


def test_linear_is_exact_for_a_bilinear_logarithm_across_a_cross() -> None:
    rock, y, x = grid()
    counts = np.expm1(2 + 0.1 * y + 0.05 * x + 0.01 * x * y + np.sin(rock))
    gap = plane(1, 7, 13) | plane(2, 10, 16)
    assert_allclose(linear(hidden(counts, gap), gap), counts, rtol=1e-5)


def test_linear_is_exact_across_three_crossing_planes_of_unequal_width() -> None:
    rock, y, x = grid()
    counts = np.expm1(1 + 0.1 * rock + 0.1 * y + 0.01 * rock * x * y / 20)
    gap = plane(0, 4, 7) | plane(1, 6, 15) | plane(2, 2, 26)
    assert_allclose(linear(hidden(counts, gap), gap), counts, rtol=1e-5)


def test_the_intersection_is_the_mean_of_both_normals() -> None:
    # On the edges of the cross's centre the two normals disagree; each plane itself follows one.
    shape = (1, 3, 3)
    log_counts = np.array([[[1.0, 2.0, 3.0], [5.0, 0.0, 9.0], [1.0, 8.0, 5.0]]])
    gap = np.zeros(shape, dtype=bool)
    gap[0, 1, 1] = True
    filled = fill_along_shortest(log_counts, gap)
    assert filled[0, 1, 1] == ((2 + 8) / 2 + (5 + 9) / 2) / 2


def test_a_gap_that_does_not_span_the_array_is_filled_arms_first() -> None:
    # A plus sign: along either axis its centre lies in a run of 9 between bright ends, but the arms
    # it lies between are 3 wide and dark on both sides.
    gap = np.zeros((1, 15, 15), dtype=bool)
    gap[0, 3:12, 6:9] = True
    gap[0, 6:9, 3:12] = True
    values = np.full(gap.shape, 5.0)
    values[0, [2, 12], 6:9] = 50
    values[0, 6:9, [2, 12]] = 50
    assert_array_equal(log_linear(hidden(values, gap), gap)[gap], 5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_cubic_is_exact_for_a_cubic_logarithm(axis: int) -> None:
    t = grid()[axis] / SHAPE[axis]
    counts = np.expm1(5 + 3 * t - 12 * t**2 + 9 * t**3)
    gap = plane(axis, 8, 14)
    assert_allclose(cubic(hidden(counts, gap), gap), counts, rtol=1e-4)
    assert np.abs(linear(hidden(counts, gap), gap) - counts).max() > 0.01 * counts.min()


def test_cubic_is_linear_with_one_known_voxel_on_a_side() -> None:
    counts = np.random.default_rng(0).poisson(50, SHAPE)
    gap = plane(1, 1, 6)  # one known row before it
    assert_array_equal(cubic(counts, gap), linear(counts, gap))
    lone = plane(1, 8, 12)
    bad = plane(1, 13, 14)  # one known row after it
    assert_array_equal(cubic(counts, lone, bad_mask=bad), linear(counts, lone, bad_mask=bad))


def test_cubic_stays_between_zero_and_the_brightest_voxel() -> None:
    gap = plane(1, 10, 30, (4, 40, 4))
    rising = np.zeros(gap.shape)
    rising[:, [9, 30]] = 1e6  # steep towards the gap on both sides: a cubic overshoots
    assert_allclose(cubic(rising, gap).max(), 1e6, rtol=1e-4)
    falling = np.zeros(gap.shape)
    falling[:, [8, 31]] = 1e6  # falling to 0 at the gap: a cubic undershoots
    assert_array_equal(cubic(falling, gap)[gap], 0)


def test_nearest_takes_the_near_end_and_the_mean_half_way() -> None:
    counts = np.zeros((1, 1, 7))
    counts[0, 0] = [3, 8, 0, 0, 0, 24, 1]
    gap = plane(2, 2, 5, (1, 1, 7))
    assert_allclose(nearest(counts, gap)[0, 0], [3, 8, 8, 14, 24, 24, 1], rtol=1e-6)


@pytest.mark.parametrize("method", [nearest, linear, cubic])
def test_a_gap_at_the_edge_takes_its_one_known_side(method: Method) -> None:
    counts = np.random.default_rng(1).poisson(100, SHAPE).astype(float)
    first, last = plane(2, 0, 5), plane(2, 22, 28)
    filled = method(hidden(counts, first | last), first | last)
    assert_allclose(filled[:, :, :5], np.repeat(counts[:, :, 5:6], 5, axis=2), rtol=1e-5)
    assert_allclose(filled[:, :, 22:], np.repeat(counts[:, :, 21:22], 6, axis=2), rtol=1e-5)


def test_bad_voxels_beside_the_gap_are_skipped() -> None:
    counts = np.expm1(0.2 * grid()[1])
    gap = plane(1, 7, 13)
    bad = np.zeros(SHAPE, dtype=bool)
    bad[5, 13:15, 8] = True
    broken = hidden(counts, bad, 1e6)
    filled = linear(hidden(broken, gap), gap, bad_mask=bad)
    assert_allclose(filled[gap], counts[gap], rtol=1e-5)
    assert_array_equal(filled[bad], np.float32(1e6))


def test_a_voxel_without_a_known_line_takes_the_nearest_known_voxel() -> None:
    gap = np.zeros((1, 5, 5), dtype=bool)
    gap[0, 2, 2] = True
    bad = np.zeros_like(gap)
    bad[0, 2], bad[0, :, 2] = True, True
    bad &= ~gap
    values = np.where(gap | bad, np.nan, 7.0)
    values[0, 4, 4] = 9.0  # farther than the corners beside the centre
    assert fill_along_shortest(values, gap, excluded=bad)[0, 2, 2] == 7


def test_log_linear_keeps_the_type_and_the_input() -> None:
    values = (0.25 * grid()[2]).astype(np.float32)
    unknown = plane(2, 10, 16)
    broken = hidden(values, unknown, -5).astype(np.float32)
    filled = log_linear(broken, unknown)
    assert filled.dtype == np.float32
    assert_allclose(filled, values, rtol=1e-6)
    assert (broken[unknown] == -5).all()
