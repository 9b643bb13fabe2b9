"""Covariances: measured against their definition, mended, and what weights they give."""

import numpy as np
import pytest

from bcdi_inpaint.classical.covariance import (
    autocorrelation,
    fade,
    kriging_weights,
    mend,
    noise_free_variance,
)
from bcdi_inpaint.classical.kriging_settings import KrigingSettings

DEPTH = KrigingSettings.depth


def test_the_autocorrelation_is_the_sum_over_all_pairs(rng: np.random.Generator) -> None:
    values = rng.standard_normal((7, 9)).astype(np.float32)
    found = autocorrelation(values, (3, 2))
    assert found.shape == (7, 5)
    for down, across in ((0, 0), (3, -2), (-1, 1)):
        pairs = [
            values[i, j] * values[i + down, j + across]
            for i in range(7)
            for j in range(9)
            if 0 <= i + down < 7 and 0 <= j + across < 9
        ]
        assert found[3 + down, 2 + across] == pytest.approx(sum(pairs), rel=1e-4, abs=1e-4)


def test_far_lags_fade_more_than_near_ones_and_none_at_all_the_middle() -> None:
    faded = fade(np.ones((9, 5)), 0.5)
    assert faded[4, 2] == 1
    assert (np.diff(faded[4:, 2]) < 0).all()
    np.testing.assert_allclose(faded, faded[::-1, ::-1])


def test_counting_noise_is_in_lag_0_alone_and_taken_off() -> None:
    lags = np.arange(-6, 7)
    covariance = 1 - lags**2 / 100
    noisy = covariance.copy()
    noisy[6] += 0.5
    assert noise_free_variance(noisy) == pytest.approx(1)
    assert noise_free_variance(covariance) == pytest.approx(1)


def test_a_measured_covariance_that_is_none_is_mended() -> None:
    """A correlation of 1.5 between neighbours cannot be: what is left of it is one."""
    covariance = np.zeros((2 * (2 * DEPTH + 2) + 1, 17, 17))
    middle = tuple(n // 2 for n in covariance.shape)
    covariance[middle] = 1
    for step in (-1, 1):
        covariance[middle[0] + step, middle[1], middle[2]] = 1.5
    mended = mend(covariance)
    assert np.abs(mended).max() == mended[middle]
    beside = np.array([*range(DEPTH), *range(DEPTH + 2, 2 * DEPTH + 2)])
    inside = np.array([DEPTH, DEPTH + 1])
    weights, variance = kriging_weights(
        mended, beside, inside, [9, 9], KrigingSettings.least_nugget
    )
    assert np.abs(weights).sum(axis=(1, 2, 3)).max() < 20
    assert (variance >= 0).all()


def test_a_true_covariance_stays_as_it_is() -> None:
    grids = np.ogrid[-22:23, -8:9, -8:9]
    covariance = np.exp(-0.5 * sum(g**2 for g in grids) / 2.0)
    np.testing.assert_allclose(mend(covariance), covariance, atol=1e-6)
