"""The numbers of a pattern, against patterns made to have them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.fringes import HALF_WINDOW, window
from bcdi_inpaint.peak.statistics import (
    decay_exponent,
    fano_faint,
    pattern_statistics,
    radial_profile,
)

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


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.5])
def test_a_power_law_gives_its_exponent(exponent: float, rng: np.random.Generator) -> None:
    period = np.array([2.5, 3.0, 4.0])
    offsets = [(np.arange(n) - c) / p for n, c, p in zip(SHAPE, CENTRE, period, strict=True)]
    distance = np.sqrt(sum(offset**2 for offset in np.ix_(*offsets)))
    counts = rng.poisson(1e5 * np.maximum(distance, 0.5) ** -exponent).astype(float)
    known = everywhere(counts)
    known[:, :, 30:36] = False
    counts[~known] = 1e6
    assert decay_exponent(counts, known, np.array(CENTRE), period) == pytest.approx(
        exponent, abs=0.05
    )
    middles, mean = radial_profile(counts, known, np.array(CENTRE), period)
    assert ((middles > 1.5) & (middles < 8)).all()
    np.testing.assert_allclose(mean, 1e5 * middles**-exponent, rtol=0.15)


def test_without_counts_or_a_period_there_is_no_decay() -> None:
    nothing = np.zeros(SHAPE)
    centre = np.array(CENTRE)
    assert math.isnan(decay_exponent(nothing, everywhere(nothing), centre, np.full(3, 4.0)))
    ones = np.ones(SHAPE)
    assert math.isnan(decay_exponent(ones, everywhere(ones), centre, np.full(3, np.nan)))


def test_the_fano_factor_of_poisson_counts_is_1_and_of_others_not(
    rng: np.random.Generator,
) -> None:
    slope = np.broadcast_to(np.linspace(0.05, 0.4, 40), (40, 40, 40))
    counts = rng.poisson(slope)
    known = everywhere(counts)
    known[:, 12:15] = False
    assert fano_faint(np.where(known, counts, 99), known) == pytest.approx(1, abs=0.03)
    assert fano_faint(counts.astype(np.uint32), known) == pytest.approx(1, abs=0.03)
    assert fano_faint(counts * 0.5, known) == pytest.approx(0.5, abs=0.02)  # scaled counts
    clumped = 2.0 * rng.poisson(slope / 2)  # each photon counted twice
    assert fano_faint(clumped, known) == pytest.approx(2, abs=0.1)
    assert math.isnan(fano_faint(counts + 5.0, known))  # nowhere faint


def test_the_whole_is_that_of_the_window_around_the_peak(rng: np.random.Generator) -> None:
    expectation = np.full((30, 140, 40), 0.2)
    axes = [
        np.sinc((np.arange(n) - c) / p) ** 2
        for n, c, p in zip(expectation.shape, (15.0, 90.0, 21.5), (3.0, 6.0, 5.0), strict=True)
    ]
    expectation += 1e6 * np.prod(np.meshgrid(*axes, indexing="ij"), axis=0)
    counts = rng.poisson(expectation)
    counts[:, :50] = 7  # further off than the window reaches
    known = everywhere(counts)
    known[:, 100:104] = False
    counts[~known] = 2**31
    before = counts.copy()
    found = pattern_statistics(counts, known)
    np.testing.assert_array_equal(counts, before)
    assert found.centre == (15.0, 90.0, 21.5)
    np.testing.assert_allclose(found.period_voxel, (3.0, 6.0, 5.0), rtol=0.04)
    box = window(np.array(found.centre), counts.shape)
    assert box == (slice(0, 30), slice(90 - HALF_WINDOW, 91 + HALF_WINDOW), slice(0, 40))
    assert found.zero_share == pytest.approx((counts[box][known[box]] == 0).mean())
    assert found.inversion > 0.9
    assert 0 < found.inversion_local < found.inversion
    assert found.fano_faint == pytest.approx(1, abs=0.15)


def test_every_number_has_a_name() -> None:
    names = pattern_statistics(block((4.0, 5.0, 6.0), 1e5), everywhere(np.zeros(SHAPE))).named(
        "abc"
    )
    assert [names["period a"], names["period b"], names["period c"]] == pytest.approx(
        [4, 5, 6], rel=0.05
    )
    assert len(names) == 11


def test_a_2d_pattern_has_numbers_too(rng: np.random.Generator) -> None:
    counts = rng.poisson(block((4.0, 5.0, 6.0), 1e6)[31])
    found = pattern_statistics(counts, everywhere(counts))
    assert found.centre == (32.5, 30.0)
    np.testing.assert_allclose(found.period_voxel, (5.0, 6.0), rtol=0.05)


@pytest.mark.parametrize(
    ("word", "counts", "known"),
    [
        ("shape", np.ones((20, 20)), np.ones((20, 19), dtype=bool)),
        ("known", np.ones((20, 20)), np.zeros((20, 20), dtype=bool)),
        ("finite", np.full((20, 20), np.nan), np.ones((20, 20), dtype=bool)),
        ("lowest count is -1", np.full((20, 20), -1.0), np.ones((20, 20), dtype=bool)),
    ],
)
def test_bad_input_is_told_on_one_line(word: str, counts: Float64Array, known: BoolArray) -> None:
    with pytest.raises(InputError, match=word) as told:
        pattern_statistics(counts, known)
    assert "\n" not in str(told.value)
