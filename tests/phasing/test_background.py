"""The constant background of a scan, told by its fringes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.background import Background, BackgroundSettings, find_background

SHAPE = (42, 40, 38)


@pytest.fixture(scope="module")
def diffracted() -> np.ndarray:
    """Of a tilted block with a smooth phase, 1 where it is brightest, centred."""
    z, y, x = np.indices(SHAPE) - np.array(SHAPE).reshape(3, 1, 1, 1) // 2
    body = (abs(z + 0.3 * y) < 6) & (abs(y - 0.4 * x) < 5) & (abs(x + 0.2 * z) < 5)
    crystal = body * np.exp(0.01j * (z**2 - y**2))
    found = scipy.fft.fftshift(np.abs(scipy.fft.fftn(scipy.fft.ifftshift(crystal))) ** 2)
    return np.asarray(found / found.max())


def drawn(expected: np.ndarray, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(expected).astype(np.float32)


EVERYWHERE = np.ones(SHAPE, dtype=bool)


@pytest.mark.parametrize("blur", [0.0, 0.6])
@pytest.mark.parametrize("level", [1.0, 3.0])
def test_it_is_found_among_fringes_that_are_sharp_or_blurred(
    diffracted: np.ndarray, level: float, blur: float
) -> None:
    counts = drawn(1e5 * scipy.ndimage.gaussian_filter(diffracted, blur) + level)
    known = EVERYWHERE.copy()
    known[:, 26:32] = False
    found = find_background(np.where(known, counts, 1e6), known)
    assert found.level == pytest.approx(level, rel=0.25)
    assert abs(found.level - level) < 5 * found.error
    assert f"background {found.level:.3g} +- " in str(found)


@pytest.mark.parametrize("blur", [0.0, 0.8])
@pytest.mark.parametrize("photons", [1e3, 1e5, 1e7])
def test_where_there_is_none_none_is_shown(
    diffracted: np.ndarray, photons: float, blur: float
) -> None:
    counts = drawn(photons * scipy.ndimage.gaussian_filter(diffracted, blur))
    found = find_background(counts, EVERYWHERE)
    assert found.level == 0
    assert str(found) == "no background is shown"


def test_fringes_that_drown_leave_the_background_alone(diffracted: np.ndarray) -> None:
    """No part varies, and what tells is that fringes have a contrast as a rule."""
    found = find_background(drawn(1e3 * diffracted + 4), EVERYWHERE)
    assert found.level == pytest.approx(4, rel=0.1)


def test_the_noise_of_the_faintest_does_not_lower_it(diffracted: np.ndarray) -> None:
    """Parts chosen by the counts that are averaged would be those that happen to have few."""
    levels = [find_background(drawn(diffracted + 0.3, seed), EVERYWHERE).level for seed in range(4)]
    assert np.mean(levels) == pytest.approx(0.3, rel=0.1)


def test_a_little_is_not_worth_heeding(diffracted: np.ndarray) -> None:
    counts = drawn(1e4 * diffracted + 0.3)
    found = find_background(counts, EVERYWHERE)
    assert found.level > 0
    left = find_background(counts, EVERYWHERE, replace(BackgroundSettings(), least=0.5))
    assert left == Background(0.0, found.error, found.estimate)


def test_a_scan_with_little_measured_is_told_in_one_line(diffracted: np.ndarray) -> None:
    known = EVERYWHERE.copy()
    known[10:] = False
    with pytest.raises(InputError, match="a background cannot be told: 36 parts of 6 voxels"):
        find_background(diffracted, known)


def test_counts_that_are_no_photons_are_told_in_one_line(diffracted: np.ndarray) -> None:
    """Divided by a monitor, they vary less than as many photons would."""
    counts = drawn(1e5 * diffracted + 3) / 8
    with pytest.raises(InputError, match=r"vary less than photons do, expected photons$"):
        find_background(counts, EVERYWHERE)


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_a_measured_scan_shows_what_is_put_into_it(real_data: Path, level: float) -> None:
    with np.load(real_data / "S1398_counts_mask.npz") as file:
        part = slice(32, 96), slice(145, 209), slice(99, 163)
        counts, known = file["counts"][part], file["mask"][part] == 0
    more = np.random.default_rng(0).poisson(level, counts.shape)
    assert find_background(counts + more, known).level == pytest.approx(level, rel=0.15)
