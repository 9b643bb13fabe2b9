"""The classical fills: each recovers what it is exact for, and touches nothing but the gap."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bcdi_inpaint.classical import interpolation
from bcdi_inpaint.classical import methods as baselines
from bcdi_inpaint.classical.methods import (
    METHODS,
    biharmonic,
    friedel,
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


@pytest.fixture
def symmetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mate about the array's middle, in place of one about a peak that has to be found."""
    middle = (np.array(SHAPE) - 1) / 2
    monkeypatch.setattr(baselines, "find_centre", lambda log_counts, known: middle)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.usefixtures("symmetry")
def test_only_the_gap_changes_and_nothing_unknown_is_read(
    name: str, rng: np.random.Generator
) -> None:
    counts = rng.poisson(50, SHAPE).astype(float)
    gap = lines(1, 8, 12) | lines(2, 14, 16)
    bad = rng.random(SHAPE) < 0.05
    given = counts.copy()
    filled = METHODS[name](counts, gap | bad, gap)
    assert_array_equal(counts, given)
    assert filled.dtype == np.float32
    assert_array_equal(filled[~gap], counts[~gap].astype(np.float32))
    assert ((filled[gap] >= 0) & (filled[gap] < 200)).all()
    spoilt = np.where(gap | bad, 1e7, counts)
    assert_array_equal(METHODS[name](spoilt, gap | bad, gap)[gap], filled[gap])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.usefixtures("symmetry")
def test_even_light_stays_even(name: str) -> None:
    counts = np.full(SHAPE, 7.0)
    gap = lines(1, 9, 14)
    assert_allclose(METHODS[name](np.where(gap, 0, counts), gap, gap), 7, rtol=1e-4)


def test_the_interpolations_are_those_of_the_package(rng: np.random.Generator) -> None:
    counts = rng.poisson(rng.uniform(0, 100, SHAPE))
    gap, bad = lines(1, 9, 14), rng.random(SHAPE) < 0.03
    for name in ("nearest", "linear", "cubic", "inverse_distance"):
        expected = interpolation.METHODS[name](counts, gap, bad & ~gap)
        assert_allclose(METHODS[name](counts, gap | bad, gap), expected, rtol=1e-5, atol=1e-4)


def test_inverse_distance_of_a_part_is_that_of_the_whole(rng: np.random.Generator) -> None:
    counts = rng.poisson(20, (6, 160, 20))
    gap = lines(1, 70, 108, counts.shape)  # 38 lines: the middle is out of reach of the weights
    expected = interpolation.inverse_distance(counts, gap)
    assert_allclose(baselines.inverse_distance(counts, gap, gap), expected, rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_biharmonic_continues_a_cubic_across_a_plane(axis: int) -> None:
    """A cubic has no fourth derivative: it solves the equation, and linear interpolation errs."""
    n = SHAPE[axis]
    place = np.indices(SHAPE)[axis] / n
    log_counts = 1 + 3 * place**3 + 2 * place**2
    gap = lines(axis, n // 2 - 2, n // 2 + 2)
    counts = np.where(gap, 0, counts_of(log_counts))
    assert_allclose(np.log1p(biharmonic(counts, gap, gap)), log_counts, atol=1e-5)
    straight = METHODS["linear"](counts, gap, gap)
    assert np.abs(np.log1p(straight) - log_counts).max() > 0.05


def test_biharmonic_in_a_gap_that_is_no_plane() -> None:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[2:5, 6:9, 6:9] = gap[4:7, 12:15, 3:8] = gap[3, 10, 12:16] = True
    bad = lines(2, 17, 18)
    z, y, x = np.indices(SHAPE).astype(float)
    log_counts = 2 + 0.01 * x * y + 0.003 * y**2 + 0.1 * z  # biharmonic within each frame
    filled = biharmonic(np.where(gap | bad, 0, counts_of(log_counts)), gap | bad, gap)
    assert_allclose(np.log1p(filled)[~bad], log_counts[~bad], atol=1e-4)


def test_total_variation_recovers_a_piecewise_constant_image() -> None:
    _, y, x = np.indices((6, 30, 40))
    log_counts = np.select([x < 12, x < 27], [2.0, 5.0], 3.0)  # edges cross the gap at right angles
    gap = lines(1, 12, 17, log_counts.shape)
    filled = total_variation(np.where(gap, 0, counts_of(log_counts)), gap, gap)
    assert_allclose(np.log1p(filled), log_counts, atol=0.05)  # the edges are 2 and 3 high
    # Of a slanted edge the linear fill makes a wedge; least variation keeps it sharp.
    slanted = np.where(x - 0.5 * y > 12, 5.0, 2.0)
    counts = np.where(gap, 0, counts_of(slanted))
    errors = [
        np.abs(np.log1p(METHODS[name](counts, gap, gap)) - slanted)[gap].mean()
        for name in ("total_variation", "linear")
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


@pytest.mark.usefixtures("symmetry")
def test_the_friedel_mate_of_a_symmetric_peak_is_the_truth(rng: np.random.Generator) -> None:
    half = rng.uniform(0, 8, SHAPE)
    log_counts = (half + np.flip(half)) / 2
    counts = counts_of(log_counts)
    gap = lines(1, 4, 9)  # its mate is known
    filled = friedel(np.where(gap, 0, counts), gap, gap)
    assert_allclose(filled, counts, rtol=1e-5)
    both = lines(1, 10, 14)  # its own mate: linear
    hidden = np.where(both, 0, counts)
    assert_array_equal(friedel(hidden, both, both), METHODS["linear"](hidden, both, both))


def test_the_friedel_mate_with_the_centre_that_is_found() -> None:
    """The package's own search for the centre, on a symmetric peak off the array's middle."""
    shape = (32, 40, 44)
    z, y, x = (np.indices(shape).T - np.array([17.0, 18.0, 20.5])).T
    envelope = 9 * np.exp(-(z**2 + y**2 + x**2) / 300)
    log_counts = envelope * (0.6 + 0.4 * np.cos(0.9 * x) * np.cos(1.1 * y + 0.5 * z))
    counts = counts_of(log_counts)
    gap = lines(1, 24, 30, shape)
    errors = [
        np.abs(np.log1p(METHODS[name](np.where(gap, 0, counts), gap, gap)) - log_counts)[gap].mean()
        for name in ("friedel", "linear")
    ]
    assert errors[0] < 0.25 * errors[1]
