import numpy as np
import pytest

from bcdi_inpaint.network.mean_calibration import UNKNOWN_SIGMA, calibrate_mean, log_variance


def drawn(mean: float, sigma: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Counts of expectations that a fill misses by `sigma` of their log(1 + counts), and that."""
    rng = np.random.default_rng(0)
    true = np.expm1(np.clip(np.log1p(mean) + sigma * rng.standard_normal(n), 0, None))
    return rng.poisson(true), np.full(n, mean)


@pytest.mark.parametrize(("mean", "sigma"), [(1000.0, 0.1), (1000.0, 0.5), (100.0, 0.3)])
def test_the_fills_own_error_is_found_beside_photon_noise(mean: float, sigma: float) -> None:
    found = calibrate_mean(*drawn(mean, sigma))
    assert found.sigma_per_scale[0][0] == pytest.approx(sigma, rel=0.1)


def test_decades_have_their_own_errors() -> None:
    pairs = drawn(1000.0, 0.1), drawn(30.5, 0.6)
    counts, expected = (np.concatenate(both) for both in zip(*pairs, strict=True))
    found = calibrate_mean(counts, expected)
    sigma = found.sigma(np.ones(2), np.ones(2), np.array([30.0, 1000.0]))
    assert sigma[0] > 4 * sigma[1]


def test_intervals_hold_where_errors_are_normal() -> None:
    found = calibrate_mean(*drawn(1000.0, 0.2))
    half = found.half_width(0.95, np.array([1000.0]))[0]
    assert half == pytest.approx(1.96, rel=0.05)


@pytest.mark.parametrize("n", [0, 50])
def test_too_few_voxels_claim_little(n: int) -> None:
    found = calibrate_mean(np.ones(n), np.ones(n))
    assert found.sigma_per_scale == ((UNKNOWN_SIGMA,),)


def test_a_perfect_fill_of_dark_voxels_is_not_without_error() -> None:
    rng = np.random.default_rng(0)
    found = calibrate_mean(rng.poisson(0.1, 5000), np.full(5000, 0.1))
    assert 0 < found.sigma_per_scale[0][0] < 1


@pytest.mark.parametrize("mean", [0.0, 0.5, 5.0, 59.0, 61.0, 500.0])
def test_the_variance_of_a_logarithm_is_that_of_drawn_counts(mean: float) -> None:
    logs = np.log1p(np.random.default_rng(0).poisson(mean, 200_000))
    assert log_variance(np.array([mean]))[0] == pytest.approx(logs.var(), rel=0.03, abs=1e-9)
