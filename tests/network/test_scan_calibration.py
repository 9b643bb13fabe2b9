"""A scan's own calibration: factors that were put in are found, through the photon noise."""

import numpy as np
import pytest

from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.scan_calibration import (
    UNKNOWN_SIGMA,
    HeldOut,
    ScanCalibrationSettings,
    calibrate_mean,
    calibrate_on_scan,
    widen,
)

HOME = Calibration(
    counts=(0.1, 10.0, 1000.0),
    sigma_per_scale=((1.0, 2.0, 1.5),),
    half_widths=((0.7, 0.99, 1.3, 1.8, 2.4, 4.0),) * 3,
)


def draw(factor: float, tail: float, n: int = 4000, seed: int = 0) -> HeldOut:
    """Voxels whose errors are those of `HOME`, widened."""
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.uniform(np.log(0.05), np.log(1e5), n))
    sigma = rng.uniform(0.1, 0.3, n) * np.log1p(expected)
    levels = rng.uniform(size=n)
    grid = np.linspace(0, 1, 500)[1:-1]
    reach = [float(HOME.half_width(p, np.ones(1))[0]) for p in grid]
    error = factor * np.interp(levels, grid, reach) ** tail * rng.choice([-1, 1], n) * sigma
    truth = np.maximum(np.expm1(np.log1p(expected) + error), 0)
    return HeldOut(rng.poisson(np.minimum(truth, 1e12)), expected, sigma)


@pytest.mark.parametrize(("factor", "tail"), [(1.0, 1.0), (2.0, 1.3), (0.6, 0.8)])
def test_the_factors_of_the_errors_are_found_in_noisy_counts(factor: float, tail: float) -> None:
    found = calibrate_on_scan(HOME, draw(factor, tail))
    assert found is not None
    assert sum(found.voxels) == 4000
    used = np.array(found.voxels) > 300
    np.testing.assert_allclose(np.array(found.sigma)[used], factor, rtol=0.2)
    np.testing.assert_allclose(np.array(found.tail)[used], tail, rtol=0.2)


def test_few_voxels_are_no_calibration_and_few_of_a_class_stay_near_the_rest() -> None:
    held = draw(2.0, 1.0, 150)
    assert calibrate_on_scan(HOME, held) is None
    dark = HeldOut(np.zeros(500), np.full(500, 1e-3), np.full(500, 1e-3))
    assert calibrate_on_scan(HOME, dark) is None
    found = calibrate_on_scan(HOME, held, ScanCalibrationSettings(fewest=100))
    assert found is not None
    assert np.ptp(found.sigma) < 0.8
    assert 1.3 < min(found.sigma) < max(found.sigma) < 2.4


def test_widening_multiplies_sigma_and_bends_the_tails() -> None:
    factors = calibrate_on_scan(HOME, draw(2.0, 1.3))
    assert factors is not None
    wider = widen(HOME, factors)
    at = np.array(factors.counts)
    ones = np.ones(at.size)
    np.testing.assert_allclose(
        wider.sigma(ones, ones, at), HOME.sigma(ones, ones, at) * factors.sigma, rtol=1e-3
    )
    np.testing.assert_allclose(
        wider.half_width(0.95, at), HOME.half_width(0.95, at) ** factors.tail, rtol=1e-3
    )
    assert Calibration(**dict(wider)) == wider


def test_it_is_the_same_every_time() -> None:
    assert calibrate_on_scan(HOME, draw(1.5, 1.0)) == calibrate_on_scan(HOME, draw(1.5, 1.0))


def of_errors(mean: float, sigma: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Counts of expectations that a fill misses by `sigma` of their log(1 + counts), and that."""
    rng = np.random.default_rng(0)
    true = np.expm1(np.clip(np.log1p(mean) + sigma * rng.standard_normal(n), 0, None))
    return rng.poisson(true), np.full(n, mean)


def sigma_at(found: Calibration, *counts: float) -> np.ndarray:
    ones = np.ones(len(counts))
    return found.sigma(ones, ones, np.array(counts))


@pytest.mark.parametrize(
    ("mean", "sigma"), [(1000.0, 0.1), (1000.0, 0.5), (100.0, 0.3), (1.0, 0.4)]
)
def test_a_fills_own_error_is_found_beside_photon_noise(mean: float, sigma: float) -> None:
    found = calibrate_mean(*of_errors(mean, sigma))
    assert sigma_at(found, mean)[0] == pytest.approx(sigma, rel=0.12)


def test_decades_have_their_own_errors() -> None:
    pairs = of_errors(1000.0, 0.1), of_errors(30.5, 0.6)
    counts, expected = (np.concatenate(both) for both in zip(*pairs, strict=True))
    dim, bright = sigma_at(calibrate_mean(counts, expected), 30.5, 1000.0)
    assert dim > 3 * bright


def test_intervals_hold_where_errors_are_normal() -> None:
    found = calibrate_mean(*of_errors(1000.0, 0.2))
    half = found.half_width(0.95, np.array([1000.0]))[0] * sigma_at(found, 1000.0)[0]
    assert half == pytest.approx(1.96 * 0.2, rel=0.1)


@pytest.mark.parametrize("n", [0, 50])
def test_too_few_voxels_claim_little(n: int) -> None:
    found = calibrate_mean(np.ones(n), np.ones(n))
    assert found.sigma_per_scale == ((UNKNOWN_SIGMA,),)


def test_a_perfect_fill_of_dark_voxels_is_not_without_error() -> None:
    found = calibrate_mean(np.random.default_rng(0).poisson(0.1, 5000), np.full(5000, 0.1))
    assert 0 < sigma_at(found, 0.1)[0] < 1
