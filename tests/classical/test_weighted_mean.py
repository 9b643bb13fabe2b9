"""The mean by inverse distance, against its definition."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from bcdi_inpaint.classical.weighted_mean import inverse_distance

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


def test_inverse_distance_is_the_weighted_mean_over_the_cube() -> None:
    rng = np.random.default_rng(3)
    shape = (9, 10, 11)
    counts = rng.poisson(30, shape).astype(float)
    gap, bad = plane(1, 4, 7, shape), rng.random(shape) < 0.05
    bad &= ~gap
    filled = inverse_distance(hidden(counts, gap | bad), gap, bad_mask=bad, half_width=3, power=2)
    at = np.argwhere(gap)[::17]
    known = np.argwhere(~(gap | bad))
    for voxel in at:
        offset = known - voxel
        near = np.abs(offset).max(axis=1) <= 3
        weight = 1 / (offset[near] ** 2).sum(axis=1)
        expected = (weight * counts[tuple(known[near].T)]).sum() / weight.sum()
        assert_allclose(filled[tuple(voxel)], expected, rtol=1e-5)


def test_inverse_distance_out_of_reach_takes_the_nearest_known_voxel() -> None:
    counts = 10 + grid()[1]
    gap = plane(1, 5, 15)
    filled = inverse_distance(hidden(counts, gap), gap, half_width=2)
    assert_allclose(filled[:, 7], 14)  # three rows from row 4, beyond the half width
    assert_allclose(filled[:, 12], 25)


def test_what_is_far_from_the_gap_is_not_looked_at() -> None:
    rng = np.random.default_rng(4)
    counts = rng.poisson(20, (6, 260, 20)).astype(float)
    gap = plane(1, 100, 138, (6, 260, 20))  # 38 lines: the middle is out of reach of the weights
    part = slice(None), slice(50, 190), slice(None)
    filled = inverse_distance(counts, gap)
    assert_allclose(filled[part], inverse_distance(counts[part], gap[part]), rtol=1e-4)
    assert (filled[gap] > 5).all()
