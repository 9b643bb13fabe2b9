"""Units: what one photon is stored as."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.checks.noise import photon_from_noise
from bcdi_inpaint.checks.numbers import NumberWishes, prepare
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import as_scan


def crystal(photons: float, background: float = 0.0, seed: int = 0) -> np.ndarray:
    """Counts of a box-shaped crystal, 32 x 48 x 48, with `photons` in the brightest voxel."""
    obj = np.zeros((32, 48, 48))
    obj[13:19, 20:29, 21:27] = 1
    mean = abs(np.fft.fftshift(np.fft.fftn(obj))) ** 2
    return np.random.default_rng(seed).poisson(mean / mean.max() * photons + background)


PATTERNS = [(10, 0), (30, 0.02), (1e3, 0), (1e3, 20), (1e5, 1), (1e6, 0), (1e6, 400)]


@pytest.mark.parametrize(("photons", "background"), PATTERNS)
@pytest.mark.parametrize("dtype", ["u4", "f4", "f8"])
def test_counts_are_never_mistaken(photons: float, background: float, dtype: str) -> None:
    for seed in range(3):
        counts = crystal(photons, background, seed)
        counts[:, 30:34] = 0
        ready = prepare(as_scan(counts.astype(dtype)))
        assert (ready.photon, ready.remarks) == (1, ())
        binned = counts.reshape(32, 24, 2, 24, 2).sum(axis=(2, 4))
        assert prepare(as_scan(binned.astype(dtype))).photon == 1


@pytest.mark.parametrize(("photons", "background"), PATTERNS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("photon", [1e-6, 0.0137, 1 / 3, 7.25, 1e4])
def test_a_common_step_is_the_photon(
    photons: float, background: float, dtype: str, photon: float
) -> None:
    counts = crystal(photons, background)
    ready = prepare(as_scan((counts * photon).astype(dtype)))
    assert ready.photon == pytest.approx(photon, rel=1e-6)
    assert {remark.kind for remark in ready.remarks} - {"rounded"} == {"unit"}
    np.testing.assert_array_equal(ready.scan.part(whole(counts.shape)).counts, counts)


@pytest.mark.parametrize("gain", [2, 100, 1000])
def test_whole_numbers_with_a_common_step_are_in_adu(gain: int) -> None:
    counts = crystal(1e3)
    ready = prepare(as_scan((gain * counts).astype("i4")))
    assert ready.photon == gain
    np.testing.assert_array_equal(ready.scan.part(whole(counts.shape)).counts, counts)


@pytest.mark.parametrize(("photons", "background"), [(30, 0.02), (1e3, 20), (1e5, 0)])
def test_a_monitor_that_changes_with_the_frames(photons: float, background: float) -> None:
    monitor = 1 + 0.04 * np.random.default_rng(1).standard_normal((32, 1, 1))
    counts = (crystal(photons, background) / monitor * 1e-3).astype("f4")
    assert prepare(as_scan(counts)).photon == pytest.approx(1e-3, rel=0.1)


def test_a_monitor_around_one_leaves_photons() -> None:
    monitor = 1 + 0.004 * np.random.default_rng(1).standard_normal((32, 1, 1))
    ready = prepare(as_scan((crystal(1e5) / monitor).astype("f4")))
    assert (ready.photon, ready.remarks) == (1, ())


@pytest.mark.parametrize(("photons", "background"), [(30, 0.05), (1e3, 20), (1e5, 0), (1e4, 200)])
def test_counts_of_a_corrected_detector(photons: float, background: float) -> None:
    rng = np.random.default_rng(1)
    flat = 1 + 0.03 * rng.standard_normal((1, 48, 48))
    counts = rng.poisson(crystal(photons) * 0 + background + crystal(photons) * flat) / flat
    ready = prepare(as_scan((counts * 1e-3).astype("f4")))
    assert ready.photon == pytest.approx(1e-3, rel=0.35)


def test_intensities_without_noise_have_no_unit() -> None:
    z, y, x = np.ogrid[-16:16, -24:24, -24:24]
    smooth = (1 / (1 + (z / 3) ** 2 + (y / 4) ** 2 + (x / 4) ** 2) ** 2).astype("f4")
    ready = prepare(as_scan(smooth))
    assert ready.photon == 1
    assert [remark.kind for remark in ready.remarks] == ["unit-unknown"]
    assert "--photon" in str(ready.remarks[0])


def test_the_users_unit_is_believed() -> None:
    counts = crystal(1e3)
    ready = prepare(as_scan((counts * 0.5).astype("f4")), NumberWishes(photon=0.25))
    assert ready.photon == 0.25
    np.testing.assert_array_equal(ready.scan.part(whole(counts.shape)).counts, 2 * counts)


def test_noise_tells_the_photon_of_smooth_light() -> None:
    rng = np.random.default_rng(0)
    y, x = np.ogrid[-32:32, -32:32]
    mean = 500 * np.exp(-(y**2 + x**2) / 800) + 5
    frames = 0.02 * rng.poisson(mean, (4, 64, 64))
    assert photon_from_noise(frames, np.ones(frames.shape, bool)) == pytest.approx(0.02, rel=0.15)


def test_smoothed_noise_tells_nothing() -> None:
    rng = np.random.default_rng(0)
    frames = rng.poisson(50, (4, 64, 64)).astype(float)
    frames = sum(np.roll(frames, k, axis=2) for k in range(4)) / 4
    assert photon_from_noise(frames, np.ones(frames.shape, bool)) is None
