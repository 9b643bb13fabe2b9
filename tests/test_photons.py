"""Deviance, mean logarithm and ranks of photon counts, against draws and formulas."""

import numpy as np
import pytest
from scipy.stats import kstest, poisson

from bcdi_inpaint.photons import (
    LEAST_COUNTS,
    mean_log_counts,
    photon_deviance,
    predicted_ranks,
    rate_of_mean_log,
    some_of,
)


@pytest.mark.parametrize("counts_per_voxel", [0.05, 3.0, 1e4])
def test_ranks_of_counts_are_uniform_where_the_prediction_is_right(
    counts_per_voxel: float, rng: np.random.Generator
) -> None:
    """Also where most voxels hold no photon, and where noise is negligible."""
    shape, sigma = (20, 20, 20), 0.4
    log_expected = np.log1p(counts_per_voxel) + rng.normal(0, sigma, shape)
    counts = rng.poisson(np.expm1(log_expected).clip(0))

    def interval_of(own_sigma: float):
        def interval(level: float) -> tuple[np.ndarray, np.ndarray]:
            from scipy.special import ndtri

            reach = own_sigma * ndtri((1 + level) / 2)
            ends = (np.full(shape, np.log1p(counts_per_voxel) + s * reach) for s in (-1, 1))
            low, high = (np.expm1(end).clip(0) for end in ends)
            return low, high

        return interval

    everywhere = np.ones(shape, dtype=bool)
    ranks = predicted_ranks(counts, interval_of(sigma), everywhere, rng)
    assert ranks.shape == (8000,)
    assert kstest(ranks, "uniform").pvalue > 1e-3
    if counts_per_voxel > 1:
        proud = predicted_ranks(counts, interval_of(sigma / 4), everywhere, rng)
        assert (np.abs(2 * proud - 1) <= 0.68).mean() < 0.6


@pytest.mark.parametrize("monitor", [0.98, 1.02])
def test_counts_over_a_monitor_have_the_ranks_of_photons(
    monitor: float, rng: np.random.Generator
) -> None:
    counts = rng.poisson(1.5, (9, 9, 9)).astype(np.float32)
    bounds = np.full(counts.shape, 1.2), np.full(counts.shape, 1.8)
    ranks = [
        predicted_ranks(own, lambda _: bounds, counts >= 0, np.random.default_rng(0))
        for own in (counts, counts * np.float32(monitor))
    ]
    np.testing.assert_array_equal(*ranks)


def test_the_mean_logarithm_of_counts_is_that_of_counts(rng: np.random.Generator) -> None:
    means = np.array([1e-3, 0.2, 1.0, 7.0, 49.9, 50.1, 3e5])
    drawn = np.log1p(rng.poisson(means, (200_000, len(means))))
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(mean_log_counts(means) - drawn.mean(axis=0)) < 4 * error + 1e-4).all()
    assert mean_log_counts(means)[2] < np.log(2) - 0.1


def test_the_rate_is_that_of_the_mean_logarithm() -> None:
    rates = np.array([0.0, 0.03, 0.5, 0.9])
    np.testing.assert_allclose(rate_of_mean_log(mean_log_counts(rates)), rates, atol=1e-3)
    assert rate_of_mean_log(np.array([3.0]))[0] == 1


def test_the_deviance_is_twice_the_lost_log_likelihood() -> None:
    counts, expected = np.array([0, 1, 7, 900]), np.array([0.2, 3.0, 7.0, 950.0])
    best = poisson.logpmf(counts, np.maximum(counts, 1e-300))
    lost = 2 * (best - poisson.logpmf(counts, expected))
    np.testing.assert_allclose(photon_deviance(counts, expected), lost, atol=1e-9)


def test_the_deviance_has_a_floor() -> None:
    found = photon_deviance(np.array([1.0, 0.0]), np.zeros(2, dtype=np.float32))
    expected = [2 * (np.log(1 / LEAST_COUNTS) - 1 + LEAST_COUNTS), 2 * LEAST_COUNTS]
    np.testing.assert_allclose(found, expected)


def test_of_many_voxels_some_are_drawn(rng: np.random.Generator) -> None:
    many = np.ones((40, 40, 40), dtype=bool)
    many[0] = False
    drawn = some_of(many, rng)
    assert drawn.sum() == 20_000
    assert not (drawn & ~many).any()
    np.testing.assert_array_equal(some_of(many[:10], rng), many[:10])
