from dataclasses import replace

import numpy as np
import pytest
import torch

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.training.calibrating import MOST_VOXELS, measure_calibration, measure_errors

TINY = NetworkConfig(channels=(8, 16), dilations=((1, 1), (1, 1)))


@pytest.fixture(scope="module")
def model() -> Model:
    """An untrained network: the kriged guess, and the same scale everywhere."""
    torch.manual_seed(0)
    return Model(GapUNet(TINY).eval(), "tiny", "0" * 64)


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    """Two peaks with fringes, (2, 36, 36, 36) log expectations."""
    z, y, x = np.indices((36, 36, 36)) - 18
    fall = 1 / (1 + (z**2 + y**2 + x**2) / 12) ** 1.5
    peaks = [1e5 * fall * (1.1 + np.cos(0.9 * x + 0.4 * y + k)) for k in (0, 2)]
    return np.log1p(np.stack(peaks)).astype(np.float16)


def test_errors_are_those_of_the_fill_and_in_every_width(
    model: Model, patterns: np.ndarray
) -> None:
    found = measure_errors(model, patterns, np.random.default_rng(1), widths=(3, 8))
    assert set(found.widths) == {3, 8}
    assert set(found.patterns) == {0, 1}
    n_cases = 4
    assert len(found.errors) <= n_cases * MOST_VOXELS
    truth = found.log_counts - found.errors
    for index, pattern in enumerate(patterns):
        own = truth[found.patterns == index]
        assert own.min() >= -1e-2
        assert own.max() <= float(pattern.max()) + 1e-2
    assert np.std(found.errors) < np.std(truth)  # the fill knows something
    np.testing.assert_allclose(found.scales, found.scales[0], rtol=1e-3)  # uncalibrated


def test_a_gap_is_as_wide_as_it_was_drawn(model: Model, patterns: np.ndarray) -> None:
    """In small patterns no gap is wider than half of a side, whatever was asked."""
    found = measure_errors(model, patterns[:1], np.random.default_rng(1), widths=(30,))
    assert set(found.widths) == {18}


def faint() -> np.ndarray:
    """Few photons near the middle, and none elsewhere, (40, 40, 40) log expectations."""
    found = np.zeros((40, 40, 40), np.float16)
    found[18:22, 18:22, 18:22] = 0.7
    return found


def test_gaps_in_patterns_too_dark_to_fill_are_left_out(model: Model) -> None:
    """The wide ones hide the little light that there is."""
    found = measure_errors(model, faint()[None], np.random.default_rng(1), widths=(3, 18, 24))
    assert set(found.widths) == {3}


def test_patterns_without_any_light_are_refused(model: Model) -> None:
    dark = np.zeros((1, 40, 40, 40), np.float16)
    with pytest.raises(InputError, match=r"none of the 2 gaps .*calibration_patterns to 0"):
        measure_errors(model, dark, np.random.default_rng(1), widths=(3, 6))


def test_what_is_calibrated_holds_on_fresh_noise(model: Model, patterns: np.ndarray) -> None:
    """On the average of several draws: a few gaps elsewhere scatter by 0.1 and more."""
    widths = (3, 12)
    inside: dict[float, list[float]] = {0.68: [], 0.95: []}
    for seed in range(3):
        calibration = measure_calibration(
            model, patterns, np.random.default_rng(10 + seed), widths=widths
        )
        known = replace(model, calibration=calibration)
        again = measure_errors(known, patterns, np.random.default_rng(50 + seed), widths=widths)
        counts = np.expm1(again.log_counts)
        sigma = calibration.sigma(again.scales, again.widths, counts)
        for level, held in inside.items():
            off = np.abs(again.errors) <= sigma * calibration.half_width(level, counts)
            held.append(float(off.mean()))
    assert np.mean(inside[0.68]) == pytest.approx(0.68, abs=0.08)
    assert np.mean(inside[0.95]) == pytest.approx(0.95, abs=0.03)


def test_the_same_seed_gives_the_same_calibration(model: Model, patterns: np.ndarray) -> None:
    first, again, other = (
        measure_calibration(model, patterns[:1], np.random.default_rng(seed), widths=(3, 6))
        for seed in (5, 5, 6)
    )
    assert first == again != other
