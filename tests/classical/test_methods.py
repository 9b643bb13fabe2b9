"""The classical fills: each recovers what it is exact for, and touches nothing but the gap."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bcdi_inpaint.classical import methods
from bcdi_inpaint.classical.methods import METHODS, friedel
from bcdi_inpaint.errors import InputError

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
    monkeypatch.setattr(methods, "find_centre", lambda log_counts, known: middle)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.usefixtures("symmetry")
def test_only_the_gap_changes_and_nothing_unknown_is_read(
    name: str, rng: np.random.Generator
) -> None:
    counts = rng.poisson(50, SHAPE).astype(float)
    gap = lines(1, 8, 12) | lines(2, 14, 16)
    bad = rng.random(SHAPE) < 0.05
    given = counts.copy()
    filled = METHODS[name](counts, gap, bad_mask=bad)
    assert_array_equal(counts, given)
    assert filled.dtype == np.float32
    assert_array_equal(filled[~gap], counts[~gap].astype(np.float32))
    assert ((filled[gap] >= 0) & (filled[gap] < 200)).all()
    spoilt = np.where(gap | bad, 1e7, counts)
    assert_array_equal(METHODS[name](spoilt, gap, bad_mask=bad)[gap], filled[gap])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.usefixtures("symmetry")
def test_even_light_stays_even(name: str) -> None:
    counts = np.full(SHAPE, 7.0)
    gap = lines(1, 9, 14)
    assert_allclose(METHODS[name](np.where(gap, 0, counts), gap), 7, rtol=1e-4)


@pytest.mark.usefixtures("symmetry")
def test_the_friedel_mate_of_a_symmetric_peak_is_the_truth(rng: np.random.Generator) -> None:
    half = rng.uniform(0, 8, SHAPE)
    log_counts = (half + np.flip(half)) / 2
    counts = counts_of(log_counts)
    gap = lines(1, 4, 9)  # its mate is known
    filled = friedel(np.where(gap, 0, counts), gap)
    assert_allclose(filled, counts, rtol=1e-5)
    both = lines(1, 10, 14)  # its own mate: linear
    hidden = np.where(both, 0, counts)
    assert_array_equal(friedel(hidden, both), METHODS["linear"](hidden, both))


def test_the_friedel_mate_with_the_centre_that_is_found() -> None:
    """The package's own search for the centre, on a symmetric peak off the array's middle."""
    shape = (32, 40, 44)
    z, y, x = (np.indices(shape).T - np.array([17.0, 18.0, 20.5])).T
    envelope = 9 * np.exp(-(z**2 + y**2 + x**2) / 300)
    log_counts = envelope * (0.6 + 0.4 * np.cos(0.9 * x) * np.cos(1.1 * y + 0.5 * z))
    counts = counts_of(log_counts)
    gap = lines(1, 24, 30, shape)
    errors = [
        np.abs(np.log1p(METHODS[name](np.where(gap, 0, counts), gap)) - log_counts)[gap].mean()
        for name in ("friedel", "linear")
    ]
    assert errors[0] < 0.25 * errors[1]


@pytest.mark.parametrize("method", METHODS)
def test_outside_the_gap_every_bit_stays(method: str) -> None:
    rng = np.random.default_rng(2)
    counts = rng.uniform(0, 1e5, SHAPE)
    gap = lines(1, 7, 13) | lines(2, 10, 16)
    bad = rng.random(SHAPE) < 0.01
    counts[bad & ~gap] = np.nan
    given = counts.copy(), gap.copy(), bad.copy()
    filled = METHODS[method](counts, gap, bad_mask=bad)
    assert filled.dtype == np.float32
    assert filled[~gap].tobytes() == counts.astype(np.float32)[~gap].tobytes()
    assert np.isfinite(filled[gap]).all()
    assert (filled[gap] >= 0).all()
    for array, before in zip((counts, gap, bad), given, strict=True):
        assert_array_equal(array, before)


@pytest.mark.parametrize("method", METHODS)
def test_even_light_stays_even_with_gaps_at_the_edge_and_nan_in_them(method: str) -> None:
    counts = np.full(SHAPE, 12.0)
    gap = lines(1, 0, 6) | lines(2, 10, 16)
    assert_allclose(METHODS[method](np.where(gap, np.nan, counts), gap), counts, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_array_without_known_voxels_is_filled_with_zero(method: str) -> None:
    gap = np.ones((4, 5, 6), dtype=bool)
    assert_array_equal(METHODS[method](np.full(gap.shape, np.nan), gap), 0)


def test_an_empty_gap_changes_nothing() -> None:
    counts = np.arange(60).reshape(3, 4, 5)
    for method in METHODS.values():
        assert_array_equal(method(counts, np.zeros(counts.shape, dtype=bool)), counts)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("counts", "gap", "bad", "message"),
    [
        (np.ones((4, 4)), np.zeros((4, 4), dtype=bool), None, "2 dimensions"),
        (np.ones((2, 3, 4)), np.zeros((2, 3, 5), dtype=bool), None, r"gap_mask is bool \(2, 3, 5"),
        (np.ones((2, 3, 4)), np.zeros((2, 3, 4), dtype=int), None, "gap_mask is int64"),
        (
            np.ones((2, 3, 4)),
            np.zeros((2, 3, 4), dtype=bool),
            np.zeros((2, 3), dtype=bool),
            r"bad_mask is bool \(2, 3\)",
        ),
        (np.full((2, 3, 4), -1), np.zeros((2, 3, 4), dtype=bool), None, "24 known voxels"),
        (np.full((2, 3, 4), np.nan), np.zeros((2, 3, 4), dtype=bool), None, "24 known voxels"),
    ],
)
def test_bad_input_is_one_line(
    method: str, counts: np.ndarray, gap: np.ndarray, bad: np.ndarray | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        METHODS[method](counts, gap, bad_mask=bad)
    assert "\n" not in str(error.value)
