"""Fringes, against patterns made to have them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.peak.fringes import FringeSettings, fringe_period, fringe_visibility, window

SHAPE = (64, 64, 64)
CENTRE = (31.0, 32.5, 30.0)


def block(period: tuple[float, ...], flux: float, background: float = 0.01) -> Float64Array:
    """Photons of an unstrained block's sinc^2 peak, of SHAPE."""
    axes = [
        np.sinc((np.arange(n) - c) / p) ** 2 for n, c, p in zip(SHAPE, CENTRE, period, strict=True)
    ]
    return flux * np.prod(np.meshgrid(*axes, indexing="ij"), axis=0) + background


def everywhere(counts: NDArray[np.generic]) -> BoolArray:
    return np.ones(counts.shape, dtype=bool)


@pytest.mark.parametrize("flux", [1e5, 1e7])
@pytest.mark.parametrize("period", [(3.0, 4.0, 5.5), (9.0, 12.0, 7.0), (3.0, 10.0, 4.5)])
def test_the_period_of_each_axis_is_found(
    period: tuple[float, ...], flux: float, rng: np.random.Generator
) -> None:
    counts = rng.poisson(block(period, flux)).astype(float)
    np.testing.assert_allclose(fringe_period(counts, everywhere(counts)), period, rtol=0.04)


def test_a_gap_and_bad_voxels_leave_the_periods(rng: np.random.Generator) -> None:
    counts = rng.poisson(block((4.0, 5.5, 7.0), 1e6)).astype(float)
    known = everywhere(counts)
    known[:, 27:33] = False
    known[rng.random(SHAPE) < 0.05] = False
    found = fringe_period(np.where(known, counts, 1e7), known)
    np.testing.assert_allclose(found, (4.0, 5.5, 7.0), rtol=0.05)


def test_the_noise_of_faint_fringes_is_no_fringe(rng: np.random.Generator) -> None:
    along = np.cos(2 * np.pi * np.arange(64) / 8)
    counts = rng.poisson(5 * np.broadcast_to(1 + 0.2 * along, (20, 64, 64))).astype(float)
    assert fringe_period(counts, everywhere(counts))[2] == pytest.approx(8, abs=0.3)


def test_counts_without_fringes_have_no_period(rng: np.random.Generator) -> None:
    dark = rng.poisson(np.full((40, 40), 0.2)).astype(float)
    assert np.isnan(fringe_period(dark, everywhere(dark))).all()
    assert np.isnan(fringe_visibility(dark, everywhere(dark), np.array([np.nan, 5.0]))).all()


@pytest.mark.parametrize("visibility", [0.3, 0.6, 1.0])
def test_the_visibility_of_cosine_fringes_is_found(
    visibility: float, rng: np.random.Generator
) -> None:
    along = np.cos(2 * np.pi * np.arange(64) / 6)
    expectation = 20 * np.broadcast_to(1 + visibility * along, SHAPE)
    counts = rng.poisson(expectation).astype(float)
    known = everywhere(counts)
    known[:, 20:24] = False
    found = fringe_visibility(np.where(known, counts, 1e6), known, np.array([6.0, 6.0, 6.0]))
    assert found[2] == pytest.approx(visibility, abs=0.03)
    assert found[0] == pytest.approx(0, abs=0.1)  # noise alone is no fringe


def test_blur_lowers_the_visibility(rng: np.random.Generator) -> None:
    sharp = block((6.0, 6.0, 6.0), 1e6)
    blurred = sum(np.roll(sharp, shift, axis=2) for shift in (-1, 0, 1)) / 3
    period = np.array([6.0, 6.0, 6.0])
    before, after = (
        fringe_visibility(rng.poisson(photons).astype(float), everywhere(sharp), period)
        for photons in (sharp, blurred)
    )
    assert after[2] < 0.85 * before[2]
    np.testing.assert_allclose(after[:2], before[:2], rtol=0.05)


def test_only_the_periods_of_the_settings_are_looked_for() -> None:
    row = np.arange(64) - 32
    counts = 1e5 * np.sinc(row / 10) ** 2 + np.zeros((64, 1))
    known = everywhere(counts)
    assert fringe_period(counts, known)[1] == pytest.approx(10, rel=0.1)
    short = FringeSettings(periods=(8.0, 2.2))
    assert not fringe_period(counts, known, settings=short)[1] > 8
    dark = FringeSettings(fringes_from=1e9)
    assert np.isnan(fringe_period(counts, known, settings=dark)).all()
    assert np.isnan(fringe_visibility(counts, known, np.array([5.0, 10.0]), settings=dark)).all()


def test_the_window_ends_with_the_array() -> None:
    assert window((10, 40.5), (64, 60)) == (slice(0, 43), slice(9, 60))
