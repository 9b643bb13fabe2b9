import numpy as np
import pytest

from simulation.realism import Realism

QUIET = {"blur_voxel": (0.0, 0.0), "background": (1e-9, 1e-9), "drift": (0.0, 0.0)}


@pytest.fixture
def intensity() -> np.ndarray:
    volume = np.full((20, 21, 22), 1e-3, dtype=np.float32)
    volume[10, 11, 12] = 4.0
    volume[10, 11, 14] = 1.0
    return volume


def test_flux_is_the_brightest_voxels(intensity: np.ndarray, rng: np.random.Generator) -> None:
    found = Realism(flux=(1e5, 1e5), **QUIET).expectation(intensity, rng)
    np.testing.assert_allclose(found, intensity * (1e5 / 4), rtol=1e-5)


def test_blur_spreads_and_keeps_the_ratio_of_sums(
    intensity: np.ndarray, rng: np.random.Generator
) -> None:
    blurred = Realism(flux=(1e5, 1e5), **QUIET | {"blur_voxel": (1.0, 1.0)})
    found = blurred.expectation(intensity, rng)
    assert found.max() == pytest.approx(1e5)
    ratio = found.sum(dtype=float) / found.max()
    assert ratio > 3 * intensity.sum(dtype=float) / intensity.max()
    offsets = np.arange(-3, 4)
    cut = found[10 + offsets, 11, 12]
    np.testing.assert_allclose(cut[3] / cut[2], np.exp(0.5), rtol=0.05)  # a Gaussian of sigma 1


def test_background_is_added_everywhere(intensity: np.ndarray, rng: np.random.Generator) -> None:
    with_background = Realism(flux=(1e5, 1e5), **QUIET | {"background": (0.2, 0.2)})
    found = with_background.expectation(intensity, rng)
    np.testing.assert_allclose(found, intensity * (1e5 / 4) + 0.2, rtol=1e-5)


def test_drift_scales_whole_frames(intensity: np.ndarray, rng: np.random.Generator) -> None:
    drifting = Realism(flux=(1e5, 1e5), **QUIET | {"drift": (0.1, 0.1)})
    factors = drifting.expectation(intensity, rng) / (intensity * (1e5 / 4))
    np.testing.assert_allclose(factors, factors[:, :1, :1] * np.ones_like(factors), rtol=1e-4)
    assert 0.03 < factors[:, 0, 0].std() < 0.25
