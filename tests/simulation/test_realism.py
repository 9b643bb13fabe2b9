from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import map_coordinates

from simulation.realism import RealismConfig, measure

OFF = {
    "blur_voxel": None,
    "flat": None,
    "smooth_share": 0.0,
    "drift": None,
    "saturation_share": 0.0,
    "hot_share": 0.0,
    "alien_share": 0.0,
}


def only(**effects: object) -> RealismConfig:
    """Everything switched off but the given effects, 1e5 photons in the brightest voxel."""
    return RealismConfig.model_validate({"flux": (1e5, 1e5), **OFF, **effects})


@pytest.fixture
def intensity() -> np.ndarray:
    volume = np.full((20, 21, 22), 1e-3, dtype=np.float32)
    volume[10, 11, 12] = 4.0
    volume[10, 11, 14] = 1.0
    return volume


def test_with_everything_off_it_is_scaled_and_counted(
    intensity: np.ndarray, rng: np.random.Generator
) -> None:
    before = intensity.copy()
    found = measure(intensity, only(), rng)
    np.testing.assert_allclose(found.expectation, intensity * (1e5 / 4), rtol=1e-6)
    assert found.expectation.dtype == np.float32
    assert found.counts.dtype == np.uint32
    assert not found.bad.any()
    assert found.parameters == {"flux": pytest.approx(1e5), "flat": 0.0}
    np.testing.assert_array_equal(intensity, before)


def test_counts_have_poissons_mean_and_variance(rng: np.random.Generator) -> None:
    flat = np.ones((40, 50, 50), dtype=np.float32)
    for flux in (0.3, 20.0):
        counts = measure(flat, only(flux=(flux, flux)), rng).counts.astype(float)
        error = np.sqrt(flux / counts.size)
        assert counts.mean() == pytest.approx(flux, abs=5 * error)
        assert counts.var() == pytest.approx(flux, rel=0.05)


def test_twice_the_flux_is_twice_the_photons(intensity: np.ndarray) -> None:
    one, two = (
        measure(intensity, only(flux=(f, f)), np.random.default_rng(3)).expectation
        for f in (1e4, 2e4)
    )
    np.testing.assert_allclose(two, 2 * one, rtol=1e-6)


def test_blur_keeps_the_sum_and_is_a_gaussian(
    intensity: np.ndarray, rng: np.random.Generator
) -> None:
    found = measure(intensity, only(blur_voxel=(1.0, 1.0)), rng).expectation
    assert found.max() == pytest.approx(1e5)
    offsets = np.arange(-3, 4)
    cut = found[10 + offsets, 11, 12]
    np.testing.assert_allclose(cut[3] / cut[2], np.exp(0.5), rtol=0.05)
    lone = np.zeros((31, 31, 31), dtype=np.float32)
    lone[15, 15, 15] = 1
    blurred = measure(lone, only(blur_voxel=(0.7, 0.7)), rng).expectation
    spread = np.sqrt((blurred.sum((1, 2)) * (np.arange(31) - 15) ** 2).sum() / blurred.sum())
    assert spread == pytest.approx(0.7, rel=0.05)
    assert blurred.sum() / blurred.max() == pytest.approx((0.7 * np.sqrt(2 * np.pi)) ** 3, rel=0.1)


def test_backgrounds_are_added(intensity: np.ndarray, rng: np.random.Generator) -> None:
    found = measure(intensity, only(flat=(0.2, 0.2)), rng).expectation
    np.testing.assert_allclose(found, intensity * (1e5 / 4) + 0.2, rtol=1e-5)
    smooth = measure(intensity, only(smooth_share=1.0, smooth=(2.0, 2.0)), rng)
    added = smooth.expectation - intensity * np.float32(1e5 / 4)
    added[intensity > 0.5] = 1  # there, single precision holds no tenths of a photon
    assert added.min() >= 0
    assert 0.1 < added.max() <= 2.001
    assert np.abs(np.diff(added, axis=1)).max() < 0.5  # and it is smooth


def test_drift_scales_whole_frames(intensity: np.ndarray, rng: np.random.Generator) -> None:
    measured = measure(intensity, only(drift=(0.1, 0.1)), rng)
    found = measured.expectation
    drawn: dict[str, Any] = measured.parameters
    beam = np.array(drawn["drift"]["beam"])
    factors = found / (intensity * np.float32(1e5 / 4))
    np.testing.assert_allclose(factors.mean((1, 2)), beam, rtol=1e-4)
    np.testing.assert_allclose(factors, factors[:, :1, :1] * np.ones_like(factors), rtol=1e-4)
    assert 0.03 < factors[:, 0, 0].std() < 0.25


def test_saturated_voxels_are_cut_and_marked(intensity: np.ndarray) -> None:
    found, clean = (
        measure(intensity, only(saturation_share=share, saturation=(0.2, 0.2)), seeded)
        for share, seeded in ((1.0, np.random.default_rng(4)), (0.0, np.random.default_rng(4)))
    )
    drawn: dict[str, Any] = found.parameters
    level = drawn["saturation"]
    np.testing.assert_array_equal(found.counts, np.minimum(clean.counts, level))
    assert np.argwhere(found.bad).tolist() == [[10, 11, 12], [10, 11, 14]]
    assert found.expectation.max() == pytest.approx(1e5)  # what it would have counted


def test_hot_pixels_are_hot_in_every_frame_and_marked(intensity: np.ndarray) -> None:
    found = measure(intensity, only(hot_share=1.0, hot_pixels=(3, 3)), np.random.default_rng(0))
    assert found.bad.all(axis=0).sum() == found.bad.any(axis=0).sum() <= 3
    assert found.bad.any()
    assert (found.counts[found.bad] >= 100).all()
    clean = measure(intensity, only(), np.random.default_rng(0))
    np.testing.assert_array_equal(found.expectation, clean.expectation)
    np.testing.assert_array_equal(found.counts[~found.bad], clean.counts[~found.bad])


def test_an_alien_streak_is_light_in_a_part_of_the_array(
    intensity: np.ndarray, rng: np.random.Generator
) -> None:
    for _ in range(5):
        found = measure(intensity, only(alien_share=1.0, alien=(50.0, 50.0)), rng)
        added = found.expectation - intensity * np.float32(1e5 / 4)
        added[intensity > 0.5] = 0
        assert 10 < added.max() <= 50.01
        assert (added > 1).mean() < 0.5
        drawn: dict[str, Any] = found.parameters
        frames = added.sum((1, 2)).argmax()
        assert abs(frames - drawn["alien"]["centre"][0]) <= 1
        assert not found.bad.any()


def test_an_alien_streak_lies_along_its_angle(rng: np.random.Generator) -> None:
    dim = np.full((64, 64), 1e-7, dtype=np.float32)
    dim[0, 0] = 1
    for _ in range(6):
        found = measure(dim, only(alien_share=1.0, alien=(50.0, 50.0)), rng)
        drawn: dict[str, Any] = found.parameters
        alien = drawn["alien"]
        added = np.where(dim < 1, found.expectation, 0)
        steps = np.arange(-5, 6)
        sine, cosine = np.sin(alien["angle_rad"]), np.cos(alien["angle_rad"])
        along, across = (
            map_coordinates(added, np.add.outer(alien["centre"], [0]) + np.outer(turn, steps))
            for turn in ((sine, cosine), (cosine, -sine))  # (y, x)
        )
        width, length = alien["sigma_voxel"]
        np.testing.assert_allclose(along, 50 * np.exp(-0.5 * (steps / length) ** 2), atol=5)
        np.testing.assert_allclose(across, 50 * np.exp(-0.5 * (steps / width) ** 2), atol=5)


def test_two_dimensions(rng: np.random.Generator) -> None:
    grids = np.ogrid[-20:20, -16:16]
    image = np.exp(-0.05 * sum(g**2 for g in grids)).astype(np.float32)
    everything = RealismConfig(smooth_share=1, saturation_share=1, hot_share=1, alien_share=1)
    found = measure(image, everything, rng)
    for array in (found.expectation, found.counts, found.bad):
        assert array.shape == image.shape
    assert (found.expectation > 0).all()
    assert "drift" not in found.parameters


def test_everything_is_drawn_from_the_generator() -> None:
    image = np.random.default_rng(0).random((8, 16, 16), dtype=np.float32)
    everything = RealismConfig(smooth_share=1, saturation_share=1, hot_share=1, alien_share=1)
    first, again = (measure(image, everything, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.counts, again.counts)
    assert first.parameters == again.parameters


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"flux": (1e6, 1e4)}, "flux is 1e\\+06, 10000, expected the lowest first"),
        ({"flux": (0, 1e4)}, "flux is 0, 10000"),
        ({"flux": (1e4, 1e12)}, "flux is"),
        ({"flat": (0, 1)}, "flat"),
        ({"blur_voxel": (-1, 1)}, "blur_voxel"),
        ({"hot_share": 2}, "hot_share"),
        ({"sparkle": 1}, "sparkle"),
    ],
)
def test_impossible_values_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RealismConfig.model_validate(values)


def test_some_beams_are_coherent(intensity: np.ndarray, rng: np.random.Generator) -> None:
    some = only(blur_voxel=(1.0, 1.0), coherent_share=0.5)
    found = [measure(intensity, some, rng).parameters for _ in range(60)]
    assert 15 < sum("blur_voxel" in drawn for drawn in found) < 45
    always = only(blur_voxel=(1.0, 1.0), coherent_share=1)
    expected = measure(intensity, only(), rng).expectation
    np.testing.assert_allclose(measure(intensity, always, rng).expectation, expected, rtol=1e-6)
