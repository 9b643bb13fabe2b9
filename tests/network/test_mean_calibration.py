"""Fills without a sigma of their own: their errors are found beside photon noise."""

import numpy as np
import pytest

from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.mean_calibration import UNKNOWN_SIGMA, calibrate_mean


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
