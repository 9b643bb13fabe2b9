"""Fills that solve an equation: each recovers what it is exact for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bcdi_inpaint.classical.interpolation import linear
from bcdi_inpaint.classical.variational import (
    VariationSettings,
    biharmonic,
    least_variation,
    total_variation,
)

SHAPE = (10, 24, 22)


def lines(axis: int, start: int, stop: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    gap = np.zeros(shape, dtype=bool)
    np.moveaxis(gap, axis, 0)[start:stop] = True
    return gap


def counts_of(log_counts: np.ndarray) -> np.ndarray:
    return np.expm1(log_counts).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_biharmonic_continues_a_cubic_across_a_plane(axis: int) -> None:
    """A cubic has no fourth derivative: it solves the equation, and linear interpolation errs."""
    n = SHAPE[axis]
    place = np.indices(SHAPE)[axis] / n
    log_counts = 1 + 3 * place**3 + 2 * place**2
    gap = lines(axis, n // 2 - 2, n // 2 + 2)
    counts = np.where(gap, 0, counts_of(log_counts))
    assert_allclose(np.log1p(biharmonic(counts, gap)), log_counts, atol=1e-5)
    straight = linear(counts, gap)
    assert np.abs(np.log1p(straight) - log_counts).max() > 0.05


def test_biharmonic_in_a_gap_that_is_no_plane() -> None:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[2:5, 6:9, 6:9] = gap[4:7, 12:15, 3:8] = gap[3, 10, 12:16] = True
    bad = lines(2, 17, 18)
    z, y, x = np.indices(SHAPE).astype(float)
    log_counts = 2 + 0.01 * x * y + 0.003 * y**2 + 0.1 * z  # biharmonic within each frame
    filled = biharmonic(np.where(gap | bad, 0, counts_of(log_counts)), gap, bad_mask=bad)
    assert_allclose(np.log1p(filled)[~bad], log_counts[~bad], atol=1e-4)


def test_total_variation_recovers_a_piecewise_constant_image() -> None:
    _, y, x = np.indices((6, 30, 40))
    log_counts = np.select([x < 12, x < 27], [2.0, 5.0], 3.0)  # edges cross the gap at right angles
    gap = lines(1, 12, 17, log_counts.shape)
    filled = total_variation(np.where(gap, 0, counts_of(log_counts)), gap)
    assert_allclose(np.log1p(filled), log_counts, atol=0.05)  # the edges are 2 and 3 high
    # Of a slanted edge the linear fill makes a wedge; least variation keeps it sharp.
    slanted = np.where(x - 0.5 * y > 12, 5.0, 2.0)
    counts = np.where(gap, 0, counts_of(slanted))
    errors = [
        np.abs(np.log1p(fill(counts, gap)) - slanted)[gap].mean()
        for fill in (total_variation, linear)
    ]
    assert errors[0] < 0.8 * errors[1]


def test_least_variation_is_least(rng: np.random.Generator) -> None:
    """Convex, so a minimum is the minimum: no small change of the free voxels lowers it."""
    values = rng.random((9, 10)).astype(np.float32)
    free = np.zeros(values.shape, dtype=bool)
    free[3:6, 2:8] = True

    def variation(u: np.ndarray) -> float:
        down = np.diff(u, axis=0, append=u[-1:])
        across = np.diff(u, axis=1, append=u[:, -1:])
        return float(np.sqrt(down**2 + across**2).sum())

    found = least_variation(values, free).astype(float)
    assert_array_equal(found[~free], values[~free])
    least = variation(found)
    assert least < variation(values) - 0.5
    for _ in range(200):
        nudge = np.where(free, rng.normal(0, 1, values.shape), 0)
        nudge *= 0.05 / np.linalg.norm(nudge)
        assert variation(found + nudge) > least - 1e-3


def test_a_search_that_ends_at_once_leaves_the_first_guess_nearly_as_it_is() -> None:
    values = np.zeros((6, 20), dtype=np.float32)
    values[:, 10:] = 1
    free = np.zeros(values.shape, dtype=bool)
    free[2:4] = True
    values[free] = 0.5
    short = least_variation(values, free, settings=VariationSettings(iterations=1))
    long = least_variation(values, free)
    settled = np.where(np.arange(20) < 10, 0.0, 1.0)
    assert np.abs(short - values).max() < 0.5 * np.abs(long - values).max()
    assert_allclose(long[2], settled, atol=0.05)
