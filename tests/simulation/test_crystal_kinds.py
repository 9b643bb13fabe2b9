"""Kinds of crystals and beams."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from simulation.crystal_kinds import (
    KINDS,
    blur_intensity,
    bring_peak_to_middle,
    deal_kinds,
    vary_modulus,
)


def test_kinds_are_dealt_evenly_and_more_begin_alike() -> None:
    shares = dict(zip(KINDS, (1, 1, 2, 0), strict=True))
    dealt = deal_kinds(shares, 12)
    assert [dealt.count(kind) for kind in shares] == [3, 3, 6, 0]
    assert deal_kinds(shares, 5) == dealt[:5]


def test_a_modulus_never_falls_to_nothing_and_phases_stay() -> None:
    rng = np.random.default_rng(0)
    obj = np.exp(1j * rng.uniform(-2, 2, (24, 24, 24)))
    varied = vary_modulus(obj, 0.8, 3.0, rng)
    assert np.abs(varied).min() >= 0.0999
    np.testing.assert_allclose(np.angle(varied), np.angle(obj))


def test_the_brightest_voxel_comes_to_the_middle() -> None:
    amplitude = np.zeros((6, 8, 9), dtype=complex)
    amplitude[1, 7, 2] = 1j
    assert bring_peak_to_middle(amplitude)[3, 4, 4] == 1j


def test_tails_reach_where_no_gaussian_does_and_keep_the_photons() -> None:
    point = np.zeros((24, 25, 26))
    point[12, 12, 13] = 1000.0
    sigma = np.array([0.3, 0.6, 0.9])
    gaussian, tailed = blur_intensity(point, sigma), blur_intensity(point, sigma, 0.3)
    np.testing.assert_array_equal(gaussian, gaussian_filter(point, sigma, mode="wrap"))
    assert tailed.sum() == pytest.approx(1000)
    np.testing.assert_allclose(tailed[12, 12, 13:8:-1], tailed[12, 12, 13:18], atol=1e-9)
    lorentzian = (tailed - 0.7 * gaussian) / 0.3
    # (1 + (x / w)^2)^-2 along an axis, w half of a Gaussian's width at half of its height
    width = np.sqrt(2 * np.log(2)) * 0.6
    ratio = lorentzian[12, 15, 13] / lorentzian[12, 12, 13]
    assert ratio == pytest.approx((1 + (3 / width) ** 2) ** -2)
    assert gaussian[12, 18, 13] < 1e-9 < 0.01 < tailed[12, 18, 13]


def test_a_blur_of_no_width_with_tails_is_none() -> None:
    intensity = np.random.default_rng(0).random((8, 9, 10))
    np.testing.assert_allclose(blur_intensity(intensity, np.zeros(3), 0.5), intensity, rtol=1e-6)
