"""A scan's own calibration: factors that were put in are found, through the photon noise."""

from dataclasses import replace

import numpy as np
import pytest

from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.scan_calibration import (
    HeldOut,
    ScanCalibrationSettings,
    calibrate_on_scan,
    widen,
)
from bcdi_inpaint.network.width_rule import ALL, WidthRule

HOME = Calibration(
    counts=(0.1, 10.0, 1000.0),
    sigma_per_scale=((1.0, 2.0, 1.5),),
    half_widths=((0.7, 0.99, 1.3, 1.8, 2.4, 4.0),) * 3,
)


WHOLE = ScanCalibrationSettings(of_sigma=ALL, of_tail=ALL)
"""The factors of the hidden voxels themselves."""


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
    return HeldOut(rng.poisson(np.minimum(truth, 1e12)), expected, sigma, np.full(n, 6))


@pytest.mark.parametrize(("factor", "tail"), [(1.0, 1.0), (2.0, 1.3), (0.6, 0.8)])
def test_the_factors_of_the_errors_are_found_in_noisy_counts(factor: float, tail: float) -> None:
    found = calibrate_on_scan(HOME, draw(factor, tail), WHOLE)
    assert found is not None
    assert sum(found.voxels) == 4000
    used = np.array(found.voxels) > 300
    np.testing.assert_allclose(found.of_width(6)[used], factor, rtol=0.2)
    np.testing.assert_allclose(np.array(found.tail)[used], tail, rtol=0.2)


def test_the_gap_is_given_the_part_that_goes_with_its_width() -> None:
    """Hidden voxels lie elsewhere; of narrow gaps they tell more than of wide ones."""
    held = draw(3.0, 1.4)
    rule = WidthRule((6.0, 24.0), part=(0.5, 0.0), offset=(0.1, 0.2))
    whole = calibrate_on_scan(HOME, held, WHOLE)
    given = calibrate_on_scan(HOME, held, replace(WHOLE, of_sigma=rule, of_tail=rule))
    assert whole is not None
    assert given is not None
    told = whole.of_width(6)
    np.testing.assert_allclose(given.of_width(3), np.exp(0.1) * np.sqrt(told), rtol=1e-6)
    np.testing.assert_allclose(given.of_width(12), np.exp(0.15) * told**0.25, rtol=1e-6)
    np.testing.assert_allclose(given.of_width(38), np.exp(0.2), rtol=1e-6)
    np.testing.assert_allclose(given.tail, np.exp(0.1) * np.sqrt(whole.tail), rtol=1e-6)
    wider = widen(HOME, given)
    assert wider.widths == (1.0, 6.0, 24.0)
    for width, own in ((6.0, given.of_width(6)), (24.0, given.of_width(24))):
        at, ones = np.array(given.counts), np.ones(len(given.counts))
        sigma = HOME.sigma(ones, width * ones, at) * own
        np.testing.assert_allclose(wider.sigma(ones, width * ones, at), sigma, rtol=1e-3)


def test_few_voxels_are_no_calibration_and_few_of_a_class_stay_near_the_rest() -> None:
    held = draw(2.0, 1.0, 150)
    assert calibrate_on_scan(HOME, held) is None
    dark = HeldOut(np.zeros(500), np.full(500, 1e-3), np.full(500, 1e-3), np.ones(500))
    assert calibrate_on_scan(HOME, dark) is None
    found = calibrate_on_scan(HOME, held, replace(WHOLE, fewest=100))
    assert found is not None
    sigma = found.of_width(6)
    assert np.ptp(sigma) < 0.8
    assert 1.3 < min(sigma) < max(sigma) < 2.4


def test_widening_multiplies_sigma_and_bends_the_tails() -> None:
    factors = calibrate_on_scan(HOME, draw(2.0, 1.3))
    assert factors is not None
    wider = widen(HOME, factors)
    at = np.array(factors.counts)
    ones = np.ones(at.size)
    np.testing.assert_allclose(
        wider.sigma(ones, ones, at), HOME.sigma(ones, ones, at) * factors.of_width(1), rtol=1e-3
    )
    np.testing.assert_allclose(
        wider.half_width(0.95, at), HOME.half_width(0.95, at) ** factors.tail, rtol=1e-3
    )
    assert Calibration(**dict(wider)) == wider


def test_it_is_the_same_every_time() -> None:
    assert calibrate_on_scan(HOME, draw(1.5, 1.0)) == calibrate_on_scan(HOME, draw(1.5, 1.0))


def test_counts_of_small_floats_are_summed_without_overflow() -> None:
    held_out = draw(1.0, 1.0)
    small = replace(held_out, counts=np.minimum(held_out.counts, 6e4).astype(np.float16))
    assert calibrate_on_scan(HOME, small, WHOLE) is not None


@pytest.mark.parametrize("monitor", [0.98, 1.02])
def test_counts_over_a_monitor_are_as_good_as_photons(monitor: float) -> None:
    """0.98 of a photon is one, and not none."""
    held = draw(1.5, 1.0)
    few = held.those(held.counts < 20)
    divided = replace(few, counts=(few.counts * monitor).astype(np.float32))
    assert calibrate_on_scan(HOME, divided) == calibrate_on_scan(HOME, few)
